// A MOCK of Inferscope's native API, for looking at pages while no server runs. Never shipped: every number is made up.
// Usage: node dev/mock.mjs [port]; with a built dist/ it serves the pages too. Token: isk_mock. EMPTY=1 answers with no data.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { detail, endpoints, models, series, timeline } from "./mock-endpoints.mjs";
import { trace, traces } from "./mock-traces.mjs";

const port = Number(process.argv[2] ?? 5080);
const empty = process.env.EMPTY === "1";
const dist = new URL("../dist", import.meta.url).pathname;
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml" };

function refuse(response, status, code, message) {
  response.writeHead(status, { "content-type": "application/json", "x-request-id": "mock-7f3a" });
  response.end(JSON.stringify({ error: { code, message, request_id: "mock-7f3a" } }));
}

function answer(path, query) {
  const [org, kind, name, part] = path;
  if (org === undefined) return null;
  const from = Number(query.get("from_us"));
  const to = Number(query.get("to_us"));
  if (name === "broken") return null;
  if (kind === "endpoints" && name === undefined) return { endpoints: empty ? [] : endpoints(from, to) };
  if (kind === "endpoints" && part === undefined) return detail(name, from, to);
  if (part === "series") return series(from, to, Number(query.get("step_s")), query.get("replica"), empty);
  if (part === "timeline") return timeline(from, to);
  if (kind === "traces" && name === undefined) return empty ? { traces: [], next: null, took_ms: 1 } : traces(from, to, query);
  if (kind === "traces") return trace(name);
  if (kind === "models") return { models: empty ? [] : models() };
  return null;
}

async function page(path, response) {
  const file = extname(path) === "" ? "/index.html" : path;
  try {
    const body = await readFile(dist + file);
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end("no such file; npm run build first");
  }
}

createServer((request, response) => {
  const url = new URL(request.url, "http://mock");
  if (!url.pathname.startsWith("/scope/v1/")) return void page(url.pathname, response);
  const header = request.headers.authorization ?? "";
  const known = header === "Bearer isk_mock" || header.startsWith("Basic ");
  if (!known) return refuse(response, 401, "unauthenticated", "no such token");
  const path = url.pathname.slice("/scope/v1/".length).split("/").map(decodeURIComponent);
  const body = path[0] === "whoami" ? { subject: "root@example.com", orgs: ["default"], version: "mock" } : answer(path.slice(1), url.searchParams);
  if (body === null) return refuse(response, 404, "not_found", "no such thing here");
  const text = JSON.stringify(body, (_key, value) => value).replace(/"@int:(\d+)"/g, "$1");
  setTimeout(() => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(text);
  }, 30);
}).listen(port, "127.0.0.1", () => console.log(`mock of the API on http://127.0.0.1:${port}/login#token=isk_mock`));
