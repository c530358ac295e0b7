import { expect, it } from "vitest";
import { conversationOf, readMessages } from "./messages";

it("reads OpenTelemetry's part form", () => {
  const { input, output } = conversationOf({
    gen_ai_input_messages: JSON.stringify([
      { role: "user", parts: [{ type: "text", content: "Where is my order?" }] },
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "lookup", arguments: { id: 7 } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", result: "shipped" }] },
    ]),
    gen_ai_output_messages: JSON.stringify([{ role: "assistant", parts: [{ type: "reasoning", content: "hm" }, { type: "text", content: "Shipped." }], finish_reason: "stop" }]),
  });
  expect(input.messages.map((message) => message.parts[0]?.kind)).toEqual(["text", "tool_call", "tool_result"]);
  expect(input.messages[1]?.parts[0]).toEqual({ kind: "tool_call", id: "c1", name: "lookup", arguments: '{\n  "id": 7\n}' });
  expect(input.messages[2]?.parts[0]).toEqual({ kind: "tool_result", id: "c1", text: "shipped" });
  expect(output.messages).toEqual([{ role: "assistant", finish: "stop", parts: [{ kind: "reasoning", text: "hm" }, { kind: "text", text: "Shipped." }] }]);
});

it("falls back on an OpenAI request and answer", () => {
  const { input, output } = conversationOf({
    llm_input: '{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"https://x"}}]}]}',
    llm_output: '{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}',
  });
  expect(input.messages.map((message) => message.role)).toEqual(["system", "user"]);
  expect(input.messages[1]?.parts).toEqual([{ kind: "text", text: "Hi" }, { kind: "media", what: "image url" }]);
  expect(output.messages[0]).toEqual({ role: "assistant", finish: "tool_calls", parts: [{ kind: "tool_call", id: "c", name: "f", arguments: "{}" }] });
});

it("shows plain text as one message, and unknown JSON as it is", () => {
  const { input, output } = conversationOf({ llm_input: "just text", llm_output: '{"vectors":[1]}' });
  expect(input.messages).toEqual([{ role: "user", finish: null, parts: [{ kind: "text", text: "just text" }] }]);
  expect(output).toEqual({ messages: [], raw: '{\n  "vectors": [\n    1\n  ]\n}' });
});

it("has nothing where nothing was stored, and never throws on broken JSON", () => {
  expect(conversationOf({})).toEqual({ input: { messages: [], raw: null }, output: { messages: [], raw: null } });
  expect(conversationOf({ gen_ai_input_messages: '[{"role":' }).input.messages[0]?.parts[0]).toEqual({ kind: "text", text: '[{"role":' });
  expect(readMessages([1, 2])).toBeNull();
  expect(readMessages([{ role: "user", parts: [{ type: "hologram", x: 1 }, null] }])?.[0]?.parts.map((part) => part.kind)).toEqual(["other", "other"]);
});

it("puts instructions that were sent apart first", () => {
  const { input } = conversationOf({ gen_ai_system_instructions: '[{"type":"text","content":"Be kind."}]', llm_input: "hello" });
  expect(input.messages.map((message) => message.role)).toEqual(["system", "user"]);
});
