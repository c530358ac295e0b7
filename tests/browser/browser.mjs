/** Debian's Chromium through playwright-core, which the pages' own package brings. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const SHOTS = fileURLToPath(new URL("../../test-results/screenshots", import.meta.url));

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** For work on the pages: a folder of built pages to show instead of those that the binary carries. */
const PAGES = process.env.INFERSCOPE_PAGES;
const isPage = (url) => !/^\/(scope|api|v1|v2|endpoints)\//.test(url.pathname);

async function showPagesOf(folder, context) {
  await context.route(isPage, async (route) => {
    const file = join(folder, new URL(route.request().url()).pathname);
    await route.fulfill({ path: file.endsWith("/") || !existsSync(file) ? join(folder, "index.html") : file });
  });
}

/**
 * A browser for one test file. `visit` opens a page of its own, logged in by link unless told otherwise;
 * a page that logged an error or threw fails when it is closed.
 */
export async function openBrowser(server) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: QUIET });
  const visit = async (path, { login = true, colours = "light", viewport = WIDE } = {}) => {
    const context = await browser.newContext({ viewport, colorScheme: colours, timezoneId: "Europe/Berlin", locale: "en-GB" });
    if (PAGES) await showPagesOf(PAGES, context);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const troubles = watch(page);
    if (login) {
      const next = encodeURIComponent(path);
      await page.goto(`${server.url}/login?next=${next}#token=${server.token}`);
      await page.waitForURL((url) => url.pathname + url.search === path || url.pathname === path.split("?")[0]);
    } else {
      await page.goto(server.url + path);
    }
    const close = async () => {
      await context.close();
      assert.deepEqual(troubles, [], "errors in the page");
    };
    return { page, close, troubles };
  };
  return { visit, close: () => browser.close() };
}

function watch(page) {
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") troubles.push(`${message.text()} ${message.location().url}`);
  });
  return troubles;
}

/** Keeps what a person would see, for people to look at. */
export async function shoot(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

/** Drags over the plot of a chart, from one share of its width to another. */
export async function drag(page, chart, from, to) {
  const area = page.getByTestId(`plot-area-${chart}`);
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * ((from + to) / 2), y, { steps: 5 });
  await page.mouse.move(box.x + box.width * to, y, { steps: 5 });
  await page.mouse.up();
}
