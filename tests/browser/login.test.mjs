import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, shoot } from "./browser.mjs";
import { LOGIN, startServer } from "./processes.mjs";

let server;
let browser;

before(async () => {
  server = await startServer({ empty: true });
  browser = await openBrowser(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a login link logs in and leaves the address bar", async () => {
  const { page, close } = await browser.visit("/o/default/endpoints");
  assert.ok(!page.url().includes("isk_"), page.url());
  await page.getByTestId("subject").getByText("token:browser").waitFor();
  await page.reload();
  await page.getByTestId("subject").getByText("token:browser").waitFor();
  await close();
});

test("a wrong token is refused with a sentence", async () => {
  const { page, troubles } = await browser.visit("/login", { login: false });
  await page.getByLabel("Token").fill("isk_wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("This token is not accepted").waitFor();
  await shoot(page, "login-refused");
  // The browser itself reports the 401.
  assert.ok(troubles.every((each) => each.includes("401")), troubles.join("\n"));
});

test("e-mail and password log in, and back to the page that was asked for", async () => {
  const { page, close } = await browser.visit("/o/default/traces?q=hello", { login: false });
  await page.waitForURL(/\/login/);
  await page.getByRole("button", { name: "E-mail and password" }).click();
  await page.getByLabel("E-mail", { exact: true }).fill(LOGIN.email);
  await page.getByLabel("Password", { exact: true }).fill(LOGIN.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(/\/o\/default\/traces\?q=hello/);
  await page.getByTestId("subject").getByText(LOGIN.email).waitFor();
  await close();
});

test("logging out forgets the login", async () => {
  const { page, close } = await browser.visit("/o/default/endpoints");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(/\/login/);
  await page.goto(`${server.url}/o/default/endpoints`);
  await page.waitForURL(/\/login/);
  await close();
});

test("where nothing is yet, the pages say what makes something appear", async () => {
  const { page, close } = await browser.visit("/o/default/endpoints");
  await page.getByRole("heading", { name: "No endpoints yet" }).waitFor();
  await page.getByText("[[endpoint]]").waitFor();
  await shoot(page, "endpoints-empty");
  await page.getByRole("link", { name: "Traces" }).click();
  await page.getByRole("heading", { name: "No traces in this range" }).waitFor();
  await page.getByText("OPENOBSERVE_AUTH_TOKEN").first().waitFor();
  assert.ok(!(await page.locator("main").innerText()).includes(server.token), "the token is not on the screen");
  await shoot(page, "traces-empty");
  await close();
});
