// Records what the Vercel AI SDK exports, as record_bodies.py does for libraries of Python:
//
//     npm install ai @ai-sdk/openai zod @opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-proto
//     MODEL_URL=http://127.0.0.1:9001/v1 node record_vercel.mjs FOLDER
import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { createOpenAI } from "@ai-sdk/openai";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { generateText, streamText, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { z } from "zod";

const MODEL = "meta-llama/Llama-3.1-8B-Instruct";
const QUESTION = "Explain distributed tracing in one sentence.";
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });

let received = [];
const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    received.push(Buffer.concat(parts));
    response.end();
  });
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}/v1/traces`;
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "recorded" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
});
provider.register();

const openai = createOpenAI({ apiKey: "hf_key", baseURL: process.env.MODEL_URL });
const telemetry = (functionId) => ({
  isEnabled: true,
  functionId,
  metadata: { sessionId: "s-1", userId: "u-1", plan: "gold" },
});
const asked = (model, functionId) => ({
  model: openai.chat(model),
  prompt: QUESTION,
  maxOutputTokens: 100,
  maxRetries: 0,
  experimental_telemetry: telemetry(functionId),
});

// The simulator calls no tools; the SDK's own test model does, once.
const usage = (input, output) => ({
  inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: output, text: output, reasoning: 0 },
});
const answers = [
  {
    content: [{ type: "tool-call", toolCallId: "call-1", toolName: "weather", input: '{"city":"Paris"}' }],
    finishReason: { unified: "tool-calls", raw: "tool_calls" },
    usage: usage(54, 5),
    warnings: [],
  },
  {
    content: [{ type: "text", text: "sunny" }],
    finishReason: { unified: "stop", raw: "stop" },
    usage: usage(57, 11),
    warnings: [],
  },
];
const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => `sunny in ${city}` });

const scenarios = {
  generate: () => generateText(asked(MODEL, "answer")),
  stream: async () => {
    const result = streamText(asked(MODEL, "answer"));
    for await (const _ of result.textStream);
  },
  tools: () =>
    generateText({
      model: new MockLanguageModelV3({ doGenerate: async () => answers.shift() }),
      prompt: "What is the weather in Paris?",
      tools: { weather },
      stopWhen: ({ steps }) => steps.length === 2,
      experimental_telemetry: telemetry("tooled"),
    }),
  e429: () =>
    generateText(asked("ratelimited/llama", "answer")).then(
      () => { throw new Error("it did not fail"); },
      (error) => console.log(`failed as it should: ${error.name}`),
    ),
};

let number = 0;
for (const [name, run] of Object.entries(scenarios)) {
  received = [];
  await run();
  await provider.forceFlush();
  for (const body of received) {
    number += 1;
    // Without this machine's folder, in stack traces.
    const here = import.meta.dirname;
    const plain = body.toString("latin1").replaceAll(here, "x".repeat(here.length));
    writeFileSync(`${folder}/${String(number).padStart(2, "0")}-${name}.pb`, Buffer.from(plain, "latin1"));
  }
}
server.close();
