/** The Python program of the README, with the clients from PyPI, and what the pages show of its calls. */

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openBrowser, shoot } from "./browser.mjs";
import { LLAMA, MISTRAL, ROOT_BASIC, startServer } from "./processes.mjs";
import { until } from "./waiting.mjs";

const TESTS = fileURLToPath(new URL("..", import.meta.url));
const GATED = "gated/llama";
const LIMITED = "ratelimited/llama";
const BY_PROGRAM = "/o/default/traces?service=unknown_service:python";

let server;
let browser;

before(async () => {
  server = await startServer({ models: [GATED, LIMITED] });
  browser = await openBrowser(server);
  await runProgram("huggingface.py");
  for (const model of [MISTRAL, GATED, GATED, LIMITED]) await runProgram("calls.py", "plain", model);
  await runProgram("calls.py", "stream-usage", LLAMA);
  await until("the calls are traces", async () => {
    const now = Date.now() * 1000;
    const answer = await server.get(`/scope/v1/orgs/default/traces?service=unknown_service:python&from_us=${now - 3.6e9}&to_us=${now + 1e7}`);
    return (await answer.json()).traces.length === 6;
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs a program in a folder with a `.env`; nothing of our environment reaches it. */
async function runProgram(name, ...args) {
  const folder = mkdtempSync(join(tmpdir(), "inferscope-program-"));
  const dotenv = {
    OPENOBSERVE_URL: `${server.url}/`,
    OPENOBSERVE_ORG: "default",
    OPENOBSERVE_AUTH_TOKEN: ROOT_BASIC,
    HF_TOKEN: server.token,
    HF_BASE_URL: `${server.url}/v1`,
  };
  copyFileSync(join(TESTS, "programs", name), join(folder, name));
  writeFileSync(join(folder, ".env"), Object.entries(dotenv).map(([key, value]) => `${key}="${value}"\n`).join(""));
  const python = join(execFileSync(join(TESTS, "setup.sh"), ["where"], { encoding: "utf8" }).trim(), "bin", "python");
  const { PATH, HOME } = process.env;
  await promisify(execFile)(python, [name, ...args], { cwd: folder, env: { PATH, HOME }, timeout: 90_000 });
  rmSync(folder, { recursive: true, force: true });
}

const rows = (page) => page.getByTestId(/^trace-[0-9a-f]{32}$/);

/** Columns that a call of the program shows, with what they hold. */
const PROMISED = {
  llm_system: /^openai$/,
  llm_model_name: /^llama3\.1-8b$/,
  llm_request_parameters_model: new RegExp(`^${LLAMA}$`),
  llm_request_parameters_max_tokens: /^100$/,
  gen_ai_response_model: /^llama3\.1-8b$/,
  llm_observation_type: /^GENERATION$/,
  llm_token_count_prompt: /^6$/,
  llm_token_count_completion: /^[1-9]\d*$/,
  llm_token_count_total: /^[1-9]\d*$/,
  llm_token_count_prompt_details_cache_read: /^0$/,
  llm_token_count_completion_details_reasoning: /^0$/,
  llm_usage_tokens_input: /^6$/,
  llm_usage_tokens_output: /^[1-9]\d*$/,
  llm_usage_tokens_total: /^[1-9]\d*$/,
  openinference_span_kind: /^LLM$/,
  operation_name: /^ChatCompletion$/,
  input_mime_type: /^application\/json$/,
  output_mime_type: /^application\/json$/,
  duration: /^[1-9]\d*$/,
  span_status: /^OK$/,
};

test("every promised column of a call is on its page", async () => {
  const { page, close } = await browser.visit(BY_PROGRAM);
  await until("six rows", async () => (await rows(page).count()) === 6);
  await shoot(page, "program-traces");
  await rows(page).last().getByRole("link").first().click();
  await page.getByRole("heading", { level: 1, name: "ChatCompletion" }).waitFor();
  await page.getByTestId("message").nth(0).getByText("Explain distributed tracing in one sentence.").waitFor();
  await page.getByTestId("message").nth(1).getByText("[simulator]").waitFor();
  await page.getByRole("tab", { name: "Attributes" }).click();
  for (const [column, value] of Object.entries(PROMISED)) {
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: column, exact: true }) });
    assert.match(await row.locator("td .said").innerText(), value, column);
  }
  await shoot(page, "program-attributes");
  await close();
});

test("the list is narrowed by the model that was asked for", async () => {
  const { page, close } = await browser.visit(`${BY_PROGRAM}&model=${MISTRAL}`);
  await until("one row", async () => (await rows(page).count()) === 1);
  await rows(page).getByText(MISTRAL, { exact: true }).waitFor();
  await close();
});

test("rate limits and missing access are told apart and counted", async () => {
  const { page, close } = await browser.visit(BY_PROGRAM);
  for (const [error, count] of [["rate_limit", 1], ["permission", 2], ["auth", 0]]) {
    await page.getByRole("combobox", { name: "Error class" }).selectOption(error);
    await until(`${count} of ${error}`, async () => (await rows(page).count()) === count && (await page.getByTestId(count === 0 ? "no-match" : "traces").isVisible()));
  }
  await page.goto(`${server.url}/o/default/models`);
  const limited = page.getByTestId(`model-${LIMITED}`);
  await limited.getByText(/rate limit/).waitFor();
  await page.getByTestId(`model-${GATED}`).getByText(/gated|permission/).first().waitFor();
  await page.getByTestId(`model-${LLAMA}`).getByText("llama3.1-8b").waitFor();
  await shoot(page, "models-light");
  await close();
});
