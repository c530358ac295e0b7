/** The real binary, started on ports that the system chose. */

import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./waiting.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = process.env.INFERSCOPE_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug", "inferscope");
const EMAIL = "root@example.com";
const PASSWORD = "correct horse battery staple";

export const LLAMA = "meta-llama/Llama-3.1-8B-Instruct";
export const MISTRAL = "mistralai/Mistral-7B-Instruct-v0.3";
export const LOGIN = { email: EMAIL, password: PASSWORD };
export const ROOT_BASIC = `Basic ${btoa(`${EMAIL}:${PASSWORD}`)}`;

/** One run of the binary; `url` is where it listens. It is told to end when this process does. */
async function listening(args, log, env = {}) {
  const { PATH, HOME } = process.env;
  const file = openSync(log, "w");
  const child = spawn(BINARY, args, { env: { PATH, HOME, ...env }, stdio: ["ignore", file, file] });
  closeSync(file);
  const kill = () => child.kill("SIGTERM");
  process.once("exit", kill);
  const ended = new Promise((resolve) => child.once("close", resolve));
  const stop = async () => {
    kill();
    await ended;
    process.off("exit", kill);
    const text = readFileSync(log, "utf8");
    if (text.includes("panicked at")) throw new Error(text);
  };
  try {
    const url = await until(`${args[0]} listens`, () => {
      const text = readFileSync(log, "utf8");
      if (child.exitCode !== null) throw new Error(`${args.join(" ")} ended with ${child.exitCode}:\n${text}`);
      return /listening on (http:\/\/[0-9.]+:\d+)/.exec(text)?.[1];
    });
    return { url, stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

const endpoint = ({ name, model, urls, max }) => `
[[endpoint]]
name = "${name}"
model = "${model}"
min_replicas = ${urls.length}
max_replicas = ${max}
replicas = [${urls.map((url) => `{ url = "${url}" }`).join(", ")}]
`;

function configuration(urls, models) {
  const mistral = `\n[[endpoint]]\nname = "mistral"\nmodel = "${MISTRAL}"\nmin_replicas = 1\nmax_replicas = 3\nprocess = { engine = "simulator" }\n`;
  const more = models.map((model) => endpoint({ name: model.split("/")[0], model, urls: urls.slice(0, 1), max: 1 }));
  return endpoint({ name: "llama", model: LLAMA, urls, max: 4 }) + more.join("") + mistral;
}

const SIMULATE = ["simulate", "--listen", "127.0.0.1:0", "--model", LLAMA, "--token-ms", "2", "--first-token-ms", "20"];

/** Starts all processes; what was started before one of them failed is ended. */
async function startAll(folder, { empty, models }, started) {
  const urls = [];
  for (const number of empty ? [] : [0, 1]) {
    const simulator = await listening(SIMULATE, join(folder, `simulator-${number}.log`));
    started.unshift(simulator);
    urls.push(simulator.url);
  }
  writeFileSync(join(folder, "inferscope.toml"), empty ? "" : configuration(urls, models));
  const args = ["serve", "--config", join(folder, "inferscope.toml"), "--data-dir", join(folder, "data"), "--listen", "127.0.0.1:0"];
  const server = await listening(args, join(folder, "server.log"), { INFERSCOPE_ROOT_EMAIL: EMAIL, INFERSCOPE_ROOT_PASSWORD: PASSWORD });
  started.unshift(server);
  const get = (path) => fetch(server.url + path, { headers: { authorization: ROOT_BASIC } });
  await until("the server is ready", async () => (await get("/readyz")).status === 200);
  const token = await newToken(server.url, ROOT_BASIC);
  if (!empty) await until("replicas run", async () => (await running(get)) === 3 + models.length, 60_000);
  return { url: server.url, token, get };
}

/**
 * A server with two simulated replicas behind `llama` and one process replica behind `mistral`, or with
 * nothing at all; each of `models` gets an endpoint more, named by what stands before its slash. `call` makes a model call through it, `send` stores spans, `stop` ends everything and
 * removes its folder.
 */
export async function startServer({ empty = false, models = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "inferscope-browser-"));
  const started = [];
  const stop = async () => {
    for (const each of started) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { url, token, get } = await startAll(folder, { empty, models }, started);
    return { url, token, get, call: (asked) => call(url, token, asked), send: (spans) => send(url, token, spans), stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

async function newToken(url, authorization) {
  const body = JSON.stringify({ name: "browser", scopes: ["ingest", "read", "call", "admin"] });
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(`${url}/scope/v1/orgs/default/tokens`, { method: "POST", headers, body });
  if (answer.status !== 201) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).token;
}

async function running(get) {
  const now = Date.now() * 1000;
  const answer = await get(`/scope/v1/orgs/default/endpoints?from_us=${now - 3.6e9}&to_us=${now}`);
  if (answer.status !== 200) return 0;
  return (await answer.json()).endpoints.reduce((sum, each) => sum + each.replicas.running, 0);
}

/** One call through the gateway; its body is read to the end, its status is the answer. */
async function call(url, token, { model = LLAMA, prompt = "one two three", simulate = "tokens=8", stream = false, system, traceparent }) {
  const messages = [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: prompt }];
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "x-simulate": simulate, ...(traceparent && { traceparent }) };
  const body = JSON.stringify({ model, stream, max_tokens: 100, messages });
  const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
  await answer.text();
  return answer.status;
}

/** Stores spans as an application's exporter does: OTLP as JSON. */
async function send(url, token, spans) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  const answer = await fetch(`${url}/api/default/v1/traces`, { method: "POST", headers, body });
  if (answer.status !== 200) throw new Error(`not stored: ${answer.status} ${await answer.text()}`);
}
