import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { drag, NARROW, openBrowser, shoot } from "./browser.mjs";
import { LLAMA, MISTRAL, startServer } from "./processes.mjs";
import { until } from "./waiting.mjs";

const ANALYTICS = "/o/default/endpoints/llama/analytics";
const CHARTS = ["requests", "pending", "latency", "ttft", "tokens", "replicas"];

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser(server);
  const calls = [
    ...Array.from({ length: 12 }, () => ({})),
    ...Array.from({ length: 4 }, () => ({ stream: true })),
    ...Array.from({ length: 3 }, () => ({ simulate: "status=429" })),
    { simulate: "status=500" },
    ...Array.from({ length: 2 }, () => ({ model: MISTRAL })),
  ];
  for (const asked of calls) await server.call(asked);
  await until("the calls are counted", async () => {
    const now = Date.now() * 1000;
    const answer = await server.get(`/scope/v1/orgs/default/endpoints/llama?from_us=${now - 3.6e9}&to_us=${now + 1e7}`);
    return (await answer.json()).window.requests === 20;
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the list shows each endpoint's state, load and replicas", async () => {
  const { page, close } = await browser.visit("/o/default/endpoints");
  const llama = page.getByTestId("endpoint-llama");
  await llama.getByText("Running").waitFor();
  await llama.getByText(LLAMA).waitFor();
  await llama.getByText("2 / 4").waitFor();
  await llama.getByText("20.0 %").waitFor();
  await page.getByTestId("endpoint-mistral").getByText("1 / 3").waitFor();
  await shoot(page, "endpoints-light");

  await page.getByRole("searchbox", { name: /Filter/ }).fill("mistral");
  await llama.waitFor({ state: "detached" });
  await page.getByTestId("endpoint-mistral").getByRole("link", { name: "mistral" }).click();
  await page.waitForURL(/\/endpoints\/mistral\/analytics/);
  await page.getByRole("heading", { level: 1, name: "mistral" }).waitFor();
  await close();
});

test("analytics show requests by class with counts and shares, and the percentiles", async () => {
  const { page, close } = await browser.visit(ANALYTICS);
  for (const [outcome, count, share] of [["2xx", "16", "80.0"], ["4xx", "3", "15.0"], ["5xx", "1", "5.0"]]) {
    await page.getByTestId(`count-${outcome}`).getByText(count, { exact: true }).waitFor();
    assert.match(await page.getByTestId(`share-${outcome}`).innerText(), new RegExp(`^${share}\\s%$`));
  }
  for (const outcome of ["3xx", "none"]) assert.equal(await page.getByTestId(`count-${outcome}`).innerText(), "0", outcome);
  for (const name of ["p50", "p90", "p95", "p99"]) {
    assert.match(await page.getByTestId(`window-${name}`).innerText(), /^[\d.,]+\s(µs|ms|s)$/, name);
  }
  for (const chart of CHARTS) await page.getByTestId(`chart-${chart}`).waitFor();
  const replicas = page.getByTestId("chart-replicas");
  await replicas.getByTestId("legend-max").waitFor();
  await shoot(page, "analytics-requests-light");
  await close();
});

test("a chart's numbers can be read as a table, by class and by code", async () => {
  const { page, close } = await browser.visit(ANALYTICS);
  const chart = page.getByTestId("chart-requests");
  await chart.getByRole("button", { name: "code" }).click();
  await page.waitForURL(/group=code/);
  await chart.getByRole("button", { name: /Data table/ }).click();
  const table = chart.getByTestId("data-table");
  for (const code of ["200", "429", "500"]) await table.getByRole("columnheader", { name: new RegExp(`^${code}`) }).waitFor();
  const replicas = page.getByTestId("chart-replicas");
  await replicas.getByRole("button", { name: /Data table/ }).click();
  const newest = replicas.getByTestId("data-table").getByRole("row").filter({ hasText: "4" }).first();
  await newest.waitFor();
  await close();
});

test("dragging over any graph sets the range of all, and Back undoes it", async () => {
  const { page, close } = await browser.visit(`${ANALYTICS}?from=now-15m&to=now`);
  await page.getByTestId("plot-area-latency").waitFor();
  assert.match(await page.getByTestId("range").innerText(), /Last 15 m/);
  await drag(page, "latency", 0.55, 0.95);
  await page.waitForURL(/from=20/);
  assert.match(await page.getByTestId("range").innerText(), /^Custom: /);
  const subtitles = await page.getByTestId("series").locator("section.panel > header > span").allInnerTexts();
  const steps = new Set(subtitles.map((text) => /per .*$/.exec(text.split(", streamed")[0])?.[0]).filter(Boolean));
  assert.equal(steps.size, 1, `one step for all charts: ${[...steps]}`);
  await shoot(page, "analytics-zoomed");
  await page.goBack();
  await page.waitForURL(/from=now-15m/);
  assert.match(await page.getByTestId("range").innerText(), /Last 15 m/);
  await close();
});

test("presets set the range, and it survives a reload", async () => {
  const { page, close } = await browser.visit(ANALYTICS);
  await page.getByTestId("range").click();
  await page.getByRole("button", { name: "5 m", exact: true }).click();
  await page.waitForURL(/from=now-5m/);
  await page.reload();
  await page.getByTestId("range").getByText("Last 5 m").waitFor();
  await close();
});

test("the page refreshes by itself", async () => {
  const { page, close } = await browser.visit("/o/default/endpoints/mistral/analytics?refresh=5s");
  await page.getByTestId("count-2xx").getByText("2", { exact: true }).waitFor();
  await server.call({ model: MISTRAL });
  await page.getByTestId("count-2xx").getByText("3", { exact: true }).waitFor({ timeout: 30_000 });
  await close();
});

test("one replica can be picked, and its share is a part of all", async () => {
  const { page, close } = await browser.visit(ANALYTICS);
  await page.getByTestId("count-2xx").getByText("16", { exact: true }).waitFor();
  await page.getByTestId("replica-picker").click();
  await page.getByTestId(/^replica-(?!all|picker)/).first().click();
  await page.waitForURL(/replica=/);
  await until("fewer calls than of both", async () => Number(await page.getByTestId("count-2xx").innerText()) < 16);
  await close();
});

test("the timeline shows how replicas came to run", async () => {
  const { page, close } = await browser.visit(`${ANALYTICS}?tab=timeline&from=now-15m&to=now`);
  await page.getByTestId(/^gantt-(?!detail)/).first().waitFor();
  assert.equal(await page.getByTestId(/^gantt-(?!detail)/).count(), 2);
  await shoot(page, "analytics-timeline-light");
  await close();
});

test("hardware shows what is measured and says what is not", async () => {
  const { page, close } = await browser.visit("/o/default/endpoints/mistral/analytics?tab=hardware&from=now-5m&to=now");
  await page.getByRole("heading", { name: /CPU/ }).waitFor();
  await page.getByRole("heading", { name: "Memory", exact: false }).first().waitFor();
  await page.getByText(/no accelerator/i).first().waitFor();
  await shoot(page, "analytics-hardware-light");
  await close();
});

test("from a bucket of a chart it is two clicks to its traces, and two more to a replica's graphs", async () => {
  const { page, close } = await browser.visit(`${ANALYTICS}?from=now-5m&to=now`);
  const plot = page.getByTestId("plot-requests");
  await plot.focus();
  await page.keyboard.press("End");
  await until("a bucket with many calls", async () => {
    if (/total (\d\d|[5-9])/.test(await page.getByTestId("tooltip").innerText())) return true;
    await page.keyboard.press("ArrowLeft");
    return false;
  });
  await page.keyboard.press("p");
  const tooltip = page.getByTestId("tooltip");
  await tooltip.and(page.locator("[data-pinned=true]")).waitFor();
  await page.getByText("paused: tooltip pinned").waitFor();
  await shoot(page, "analytics-pinned");
  await tooltip.getByTestId("traces-in-bucket").click();
  await page.waitForURL((url) => url.pathname === "/o/default/traces" && url.searchParams.get("endpoint") === "llama");
  const [fromUs, toUs] = ["from", "to"].map((name) => Date.parse(new URL(page.url()).searchParams.get(name)) * 1000);
  assert.equal(toUs - fromUs, 10e6, "as wide as the bucket");
  const answer = await server.get(`/scope/v1/orgs/default/traces?endpoint=llama&from_us=${fromUs}&to_us=${toUs}`);
  const inBucket = (await answer.json()).traces.map((each) => `trace-${each.trace_id}`);
  const rows = page.getByTestId(/^trace-[0-9a-f]{32}$/);
  await until(`${inBucket.length} rows`, async () => (await rows.count()) === inBucket.length);
  assert.deepEqual(await rows.evaluateAll((all) => all.map((each) => each.dataset.testid)), inBucket);
  await rows.first().getByRole("link").first().click();
  const replica = await page.getByTestId("open-replica").innerText();
  await page.getByTestId("open-replica").click();
  await page.waitForURL((url) => url.searchParams.get("replica") === replica);
  await page.getByTestId("replica-picker").getByText(replica).waitFor();
  await close();
});

test("a chart is read, switched to its table and zoomed by keys alone", async () => {
  const { page, close } = await browser.visit(`${ANALYTICS}?from=now-15m&to=now`);
  const plot = page.getByTestId("plot-latency");
  await plot.focus();
  await page.keyboard.press("Home");
  await page.getByTestId("tooltip").waitFor();
  const first = await page.getByTestId("tooltip").locator("strong").innerText();
  await page.keyboard.press("ArrowRight");
  await until("the next bucket", async () => (await page.getByTestId("tooltip").locator("strong").innerText()) !== first);
  await page.keyboard.press("d");
  await page.getByTestId("chart-latency").getByTestId("data-table").waitFor();
  await page.keyboard.press("d");
  await plot.waitFor();
  assert.ok(await plot.evaluate((each) => each === document.activeElement), "the chart has the focus again");
  for (const key of ["Home", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Enter"]) await page.keyboard.press(key);
  await page.waitForURL(/from=20/);
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.waitForURL(/\/traces/);
  await close();
});

test("a box of failures leads to the failed traces of its endpoint", async () => {
  const { page, close } = await browser.visit(ANALYTICS);
  await page.getByTestId("box-5xx").getByRole("link", { name: "traces" }).click();
  await page.waitForURL(/status=error/);
  await until("the failed ones", async () => (await page.getByTestId(/^trace-[0-9a-f]{32}$/).count()) === 4);
  await close();
});

/** What is seen on every page once its data are there. */
const shown = (page) => page.getByTestId("state").filter({ hasText: "Running", visible: true }).first();

test("every page looks right in the dark and on a phone", async () => {
  for (const [name, path] of [["endpoints", "/o/default/endpoints"], ["analytics", ANALYTICS], ["timeline", `${ANALYTICS}?tab=timeline`]]) {
    const dark = await browser.visit(path, { colours: "dark" });
    await shown(dark.page).waitFor();
    await shoot(dark.page, `${name}-dark`);
    await dark.close();
    const phone = await browser.visit(path, { viewport: NARROW });
    await shown(phone.page).waitFor();
    const overflow = await phone.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`);
    await shoot(phone.page, `${name}-phone`);
    await phone.close();
  }
});

test("an address that cannot be understood is said, never a blank page", async () => {
  const { page, close } = await browser.visit(`${ANALYTICS}?from=nonsense&to=never`);
  await page.getByTestId("bad-parameters").waitFor();
  await page.getByTestId("count-2xx").waitFor();
  await close();
});
