// Takes screenshots of the pages against a running server: node dev/shoot.mjs BASE_URL OUT_FOLDER [token]
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [base = "http://127.0.0.1:5080", out = "/tmp/shots", token = "isk_mock"] = process.argv.slice(2);
const PAGES = {
  login: "/login",
  endpoints: "/o/default/endpoints",
  requests: "/o/default/endpoints/llama/analytics",
  replicas: "/o/default/endpoints/llama/analytics?split=replica",
  hardware: "/o/default/endpoints/llama/analytics?tab=hardware",
  timeline: "/o/default/endpoints/llama/analytics?tab=timeline",
  models: "/o/default/models",
  traces: "/o/default/traces",
};
const SIZES = { wide: { width: 1440, height: 1000 }, narrow: { width: 390, height: 844 } };

mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const context = await browser.newContext({ viewport, colorScheme });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && console.log(`${page.url()}: ${message.text()}`));
    page.on("pageerror", (error) => console.log(`${page.url()}: ${error.message}`));
    const shoot = (name) => page.screenshot({ path: `${out}/${name}-${size}-${colorScheme}.png`, fullPage: true });
    await page.goto(`${base}/login`);
    await shoot("login");
    await page.goto(`${base}/login#token=${token}`);
    await page.waitForURL("**/endpoints");
    for (const [name, path] of Object.entries(PAGES).slice(1)) {
      await page.goto(base + path);
      await page.waitForLoadState("networkidle");
      await shoot(name);
    }
    await page.locator('[data-testid^="trace-"] a').first().click();
    await page.getByTestId("waterfall").waitFor();
    await shoot("trace");
    await context.close();
  }
}
await browser.close();
