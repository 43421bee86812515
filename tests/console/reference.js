// The page at /docs in headless Chromium: node reference.js CHROMIUM DIRECTORY HOST:PORT
// Screenshots go into the directory. MEMSTORE_TOKEN is the server's password.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer, request } from "node:http";
import { chromium } from "playwright-core";
import { eventually, timeoutMs } from "./patience.js";

const [chromiumPath, screenshots, address] = process.argv.slice(2);
const origin = `http://${address}`;
const token = process.env.MEMSTORE_TOKEN ?? "secret";
const authorization = { Authorization: `Bearer ${token}` };
const tests = [];
const test = (name, body) => tests.push({ name, body });
mkdirSync(screenshots, { recursive: true });
let browser;

/** Opens the page as somebody who has typed the password when the browser asked, and expects that nothing goes wrong or elsewhere. */
async function withPage(name, body, allowed = []) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, httpCredentials: { username: "default", password: token, origin } });
  context.setDefaultTimeout(timeoutMs);
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`thrown: ${error.stack}`));
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin) wrong.push(`asked elsewhere: ${request.url()}`);
  });
  page.on("websocket", (socket) => wrong.push(`a socket: ${socket.url()}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !allowed.some((pattern) => pattern.test(message.text()))) wrong.push(`${message.type()}: ${message.text()}`);
  });
  try {
    await page.goto(`${origin}/docs`);
    await page.getByRole("heading", { name: "Memstore" }).waitFor();
    await body(page);
    await page.screenshot({ path: `${screenshots}/${name}.png` });
    assert.deepEqual(wrong, []);
  } catch (error) {
    await page.screenshot({ path: `${screenshots}/failed-${name}.png` }).catch(() => {});
    if (wrong.length > 0) console.log(wrong.join("\n"));
    throw error;
  } finally {
    await context.close();
  }
}

/** Types a password and sends the example of the first operation, SET page:1 hello EX 60; gives what the page shows. */
async function sendExample(page, password) {
  await page.getByPlaceholder("Token").first().fill(password);
  await page.getByRole("button", { name: /Test Request.*post \/\)/is }).click();
  const dialog = page.getByRole("dialog");
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === "POST"),
    dialog.getByRole("button", { name: /^Send post/i }).click(),
  ]);
  return { response, dialog };
}

const ask = async (command) => (await (await fetch(origin, { method: "POST", headers: authorization, body: JSON.stringify(command) })).json()).result;

test("the page asks for the password, and only this server may be asked", async () => {
  for (const path of ["/docs", "/docs/", "/docs/scalar.js"]) assert.equal((await fetch(origin + path, { redirect: "manual" })).status, 401, path);
  const response = await fetch(`${origin}/docs/`, { headers: authorization });
  assert.equal(response.status, 200);
  const policy = response.headers.get("Content-Security-Policy");
  for (const part of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) assert.ok(policy.includes(part), policy);
  assert.match(policy, /script-src 'nonce-[^';]{20,}';/);
  const again = await fetch(`${origin}/docs/`, { headers: authorization });
  assert.notEqual(again.headers.get("Content-Security-Policy"), policy);
  for (const header of [{ Origin: "https://other.example" }, { Host: "other.example" }])
    assert.equal(await statusWith(header), 403, JSON.stringify(header));
});

// fetch sends no Host but the true one.
const statusWith = (headers) => new Promise((resolve, reject) => {
  request(`${origin}/docs/`, { headers: { ...authorization, ...headers } }, (response) => resolve(response.resume().statusCode)).on("error", reject).end();
});

test("what a page of another origin loads is turned away, and its links lead here", async () => {
  const url = `${origin}/health/live`;
  const other = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(`<iframe src="${url}"></iframe><a href="${url}">live</a>`));
  await new Promise((done) => other.listen(0, "127.0.0.1", done));
  const context = await browser.newContext();
  context.setDefaultTimeout(timeoutMs);
  try {
    const page = await context.newPage();
    const [frame] = await Promise.all([page.waitForResponse(url), page.goto(`http://127.0.0.1:${other.address().port}/`)]);
    assert.equal(frame.status(), 403);
    const [link] = await Promise.all([page.waitForResponse(url), page.getByText("live").click()]);
    assert.equal(link.status(), 200);
  } finally {
    await context.close();
    other.close();
  }
});

test("every operation of the document is listed", () => withPage("operations", async (page) => {
  const { paths } = await (await fetch(`${origin}/openapi.json`, { headers: authorization })).json();
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const sidebar = page.getByRole("complementary", { name: /Sidebar/ });
  for (const tag of new Set(operations.flatMap((operation) => operation.tags))) {
    // The page opens some by itself, while one looks.
    await eventually(async () => {
      const closed = sidebar.getByRole("button", { name: `Open Group - ${tag}` });
      if (await closed.count() > 0) await closed.click({ timeout: 1000 });
      assert.equal(await sidebar.getByRole("button", { name: `Close Group - ${tag}` }).count(), 1, tag);
    });
  }
  await eventually(async () => {
    const listed = (await sidebar.innerText()).replace(/\s+/g, " ");
    for (const { summary } of operations) {
      const count = operations.filter((operation) => operation.summary === summary).length;
      assert.equal(listed.split(`${summary} HTTP METHOD`).length - 1, count, `${summary}\n${listed}`);
    }
  });
}));

test("a request from the page does what it says, with the password", () => withPage("request", async (page) => {
  assert.equal(await ask(["SET", "page:1", "before"]), "OK");
  const { response, dialog } = await sendExample(page, token);
  assert.equal(response.status(), 200);
  assert.equal(response.request().headers().authorization, `Bearer ${token}`);
  await dialog.getByText("200 OK").waitFor();
  await dialog.getByText('"OK"', { exact: true }).waitFor();
  assert.equal(await ask(["GET", "page:1"]), "hello");
  assert.ok(await ask(["TTL", "page:1"]) > 0);
}));

test("a wrong password changes nothing", () => withPage("refused", async (page) => {
  assert.equal(await ask(["SET", "page:1", "before"]), "OK");
  const { response, dialog } = await sendExample(page, `not ${token}`);
  assert.equal(response.status(), 401);
  await dialog.getByText("401 Unauthorized").waitFor();
  assert.equal(await ask(["GET", "page:1"]), "before");
}, [/status of 401/]));

let passed = 0;
let failed = 0;
browser = await chromium.launch({ executablePath: chromiumPath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
for (const { name, body } of tests) {
  try {
    await body();
    passed++;
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`failed ${name}\n${error.stack ?? error}`);
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
