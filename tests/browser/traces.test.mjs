import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { openBrowser, shoot } from "./browser.mjs";
import { LLAMA, MISTRAL, startServer } from "./processes.mjs";
import { until } from "./waiting.mjs";

const TRACES = "/o/default/traces";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser(server);
  await server.call({ prompt: "the needle in the haystack", system: "be brief" });
  await server.call({ prompt: "a streamed question", stream: true });
  await server.call({ model: MISTRAL, prompt: "another model" });
  await server.call({ prompt: "too many of us", simulate: "status=429" });
  await until("the calls are traces", async () => {
    const now = Date.now() * 1000;
    const answer = await server.get(`/scope/v1/orgs/default/traces?from_us=${now - 3.6e9}&to_us=${now + 1e7}`);
    return (await answer.json()).traces.length === 4;
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Rows of the list, without its head. */
const rows = (page) => page.getByTestId(/^trace-[0-9a-f]{32}$/);

async function shows(page, count) {
  await until(`${count} rows`, async () => (await rows(page).count()) === count);
}

test("the list shows each call with model, tokens and status", async () => {
  const { page, close } = await browser.visit(TRACES);
  await shows(page, 4);
  const needle = rows(page).filter({ hasText: "needle" });
  await needle.getByText(LLAMA, { exact: true }).waitFor();
  await needle.getByText("llama3.1-8b").waitFor();
  await needle.getByText(/7 → 8/).waitFor();
  const failed = rows(page).filter({ hasText: /rate limit/i });
  assert.equal(await failed.count(), 1);
  await failed.getByText("— → —").waitFor();
  await shoot(page, "traces-light");
  await close();
});

test("it is narrowed by model, by status and by text, and the address keeps it", async () => {
  const { page, close } = await browser.visit(TRACES);
  await shows(page, 4);
  await page.getByRole("combobox", { name: "Status" }).selectOption("error");
  await shows(page, 1);
  await page.getByRole("combobox", { name: "Status" }).selectOption("");
  await shows(page, 4);
  await page.getByTestId("filter-model").fill(MISTRAL);
  await page.keyboard.press("Enter");
  await shows(page, 1);
  await page.getByTestId("chips").getByRole("button", { name: /model/ }).click();
  await shows(page, 4);
  await page.getByTestId("filter-q").fill("needle");
  await page.keyboard.press("Enter");
  await shows(page, 1);
  await page.waitForURL(/q=needle/);
  await page.reload();
  await shows(page, 1);
  await page.getByTestId("filter-q").fill("nobody said this");
  await page.keyboard.press("Enter");
  await page.getByTestId("no-match").waitFor();
  await close();
});

test("a trace shows the conversation, the waterfall, tokens, attributes and raw JSON", async () => {
  const { page, close } = await browser.visit(TRACES);
  await rows(page).filter({ hasText: "needle" }).getByRole("link").first().click();
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
  await page.getByTestId("waterfall").waitFor();
  assert.equal(await page.getByTestId(/^span-/).count(), 1);
  assert.match(await page.getByTestId("trace-tokens").innerText(), /7 → 8/);

  const messages = page.getByTestId("message");
  await until("three messages", async () => (await messages.count()) === 3);
  const roles = await messages.evaluateAll((all) => all.map((each) => each.dataset.role));
  assert.deepEqual(roles, ["system", "user", "assistant"]);
  await messages.nth(1).getByText("the needle in the haystack").waitFor();
  await messages.nth(2).getByText("[simulator]").waitFor();
  await shoot(page, "trace-chat-light");

  await page.getByRole("tab", { name: "Attributes" }).click();
  await page.getByTestId("attributes").getByRole("rowheader", { name: "llm_request_parameters_model", exact: true }).waitFor();
  await page.getByTestId("attributes").getByText(LLAMA).first().waitFor();
  await page.getByRole("tab", { name: "Raw" }).click();
  await page.getByTestId("raw").getByText(/"trace_id"/).first().waitFor();
  await page.waitForURL(/pane=raw/);
  await close();
});

test("the range narrows the list, and a range before the first call is empty", async () => {
  const { page, close } = await browser.visit(TRACES);
  await until("rows", async () => (await rows(page).count()) >= 4);
  await page.getByTestId("range").click();
  await page.getByRole("textbox", { name: /From/ }).fill("now-3h");
  await page.getByRole("textbox", { name: /To/ }).fill("now-2h");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/from=/);
  await page.getByRole("heading", { name: "No traces in this range" }).waitFor();
  await page.goBack();
  await until("rows again", async () => (await rows(page).count()) >= 4);
  await close();
});

test("what the application does not know of its call is taken from the gateway's span below", async () => {
  const [traceId, spanId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
  const start = BigInt(Date.now()) * 1_000_000n;
  assert.equal(await server.call({ prompt: "a call seen twice", stream: true, traceparent: `00-${traceId}-${spanId}-01` }), 200);
  const text = (key, value) => ({ key, value: { stringValue: value } });
  await server.send([{
    traceId, spanId, name: "ChatCompletion", kind: 1, status: { code: 1 },
    startTimeUnixNano: `${start}`, endTimeUnixNano: `${BigInt(Date.now()) * 1_000_000n}`,
    attributes: [
      text("openinference.span.kind", "LLM"),
      text("llm.system", "openai"),
      text("llm.invocation_parameters", JSON.stringify({ model: LLAMA, stream: true })),
      text("input.value", JSON.stringify({ messages: [{ role: "user", content: "a call seen twice" }] })),
      text("input.mime_type", "application/json"),
    ],
  }]);
  await until("both spans", async () => (await (await server.get(`/scope/v1/orgs/default/traces/${traceId}`)).json()).spans?.length === 2);
  const { page, close } = await browser.visit(`${TRACES}/${traceId}`);
  await until("tokens of the gateway", async () => /^4 → 8\s/.test(await page.getByTestId("trace-tokens").innerText()));
  assert.match(await page.getByTestId("trace-ttft").innerText(), /ms$/);
  assert.equal(await page.getByTestId("trace-model").innerText(), LLAMA);
  await page.getByTestId("output-as-gateway-saw").waitFor();
  await page.getByTestId("message").nth(1).getByText("[simulator]").waitFor();
  assert.equal(await page.getByTestId("message").count(), 2);
  await shoot(page, "trace-seen-twice");
  await page.getByRole("tab", { name: "Overview" }).click();
  await page.getByRole("heading", { name: "Tokens and cost, as the gateway saw them" }).waitFor();
  await page.getByTestId("waterfall").focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForURL((url) => (url.searchParams.get("span") ?? spanId) !== spanId);
  await page.getByRole("heading", { name: "Tokens and cost", exact: true }).waitFor();
  await close();
});

test("a failed call says why, and guesses no tokens", async () => {
  const { page, close } = await browser.visit(`${TRACES}?status=error`);
  await rows(page).first().getByRole("link").first().click();
  const error = page.getByTestId("chat-error");
  await error.getByText(/rate limit/).first().waitFor();
  await error.getByText(/Rate limit reached/).waitFor();
  assert.match(await page.getByTestId("trace-tokens").innerText(), /— → —/);
  await shoot(page, "trace-error-light");
  await close();
});

test("from a trace it is one click to the replica that answered", async () => {
  const { page, close } = await browser.visit(TRACES);
  await rows(page).filter({ hasText: "needle" }).getByRole("link").first().click();
  await page.getByTestId("open-replica").click();
  await page.waitForURL(/\/endpoints\/llama\/analytics\?.*replica=/);
  await page.getByRole("heading", { level: 1, name: "llama" }).waitFor();
  await close();
});

test("new traces wait behind a button: the list does not jump", async () => {
  const { page, close } = await browser.visit(`${TRACES}?refresh=5s&q=newcomer`);
  await page.getByTestId("no-match").waitFor();
  await page.getByTestId("filter-q").fill("");
  await page.keyboard.press("Enter");
  await until("rows", async () => (await rows(page).count()) >= 4);
  const before = await rows(page).count();
  await server.call({ prompt: "a newcomer" });
  await page.getByTestId("new-traces").waitFor({ timeout: 30_000 });
  assert.equal(await rows(page).count(), before);
  await page.getByTestId("new-traces").click();
  await until("one row more", async () => (await rows(page).count()) === before + 1);
  await close();
});

test("the pages of traces look right in the dark", async () => {
  const list = await browser.visit(TRACES, { colours: "dark" });
  await rows(list.page).first().waitFor();
  await shoot(list.page, "traces-dark");
  await rows(list.page).filter({ hasText: "needle" }).getByRole("link").first().click();
  await list.page.getByTestId("message").first().waitFor();
  await shoot(list.page, "trace-dark");
  await list.close();
});

test("an unknown trace is said to be one", async () => {
  const { page, troubles } = await browser.visit(`${TRACES}/${"0".repeat(31)}1`);
  await page.getByText("No such trace here").waitFor();
  assert.ok(troubles.every((each) => each.includes("404")), troubles.join("\n"));
});
