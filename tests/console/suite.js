// The console page in headless Chromium: node suite.js CHROMIUM MEMSTORE-DLL DIRECTORY PORT PORT PORT PORT
// Screenshots go into the directory; the ports are free ones. ONLY=words runs the tests whose names have them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { eventually, timeoutMs } from "./patience.js";
import { connect } from "./resp.js";
import { startLoad, startMemstore, stop } from "./servers.js";

const [chromiumPath, dll, screenshots, respPort, httpPort, lockedPort, lockedHttpPort] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const data = mkdtempSync(join(tmpdir(), "memstore-console-"));
process.on("exit", () => rmSync(data, { recursive: true, force: true }));
const origin = `http://127.0.0.1:${httpPort}`;
const tests = [];
const test = (name, body) => tests.push({ name, body });

const main = { port: respPort, httpPort, data };
let server = await startMemstore(dll, main);
await startMemstore(dll, { port: lockedPort, httpPort: lockedHttpPort, data: "none", password: "sésame 🔑" });
const redis = await connect(Number(respPort));
const load = startLoad(respPort);
let browser;

/** A page at a view, and everything that went wrong in it. */
async function open(view, { url = origin, allowed = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: "dark", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(timeoutMs);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(`thrown: ${error.stack}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !allowed.some((pattern) => pattern.test(message.text()))) errors.push(`${message.type()}: ${message.text()}`);
  });
  page.on("dialog", (dialog) => errors.push(`a dialog: ${dialog.message()}`));
  await page.goto(`${url}/console#${view}`);
  return { page, errors, context };
}

/** Opens a view, runs a test in it, and expects that nothing went wrong. */
async function withPage(view, body, options = {}) {
  const { page, errors, context } = await open(view, options);
  try {
    if (options.live !== false) await live(page);
    await body(page, errors);
    assert.deepEqual(errors, []);
    assert.equal(await page.evaluate(() => "pwned" in window), false, "a script that came from data has run");
  } catch (error) {
    await page.screenshot({ path: `${screenshots}/failed-${view}.png` }).catch(() => {});
    if (errors.length > 0) console.log(errors.join("\n"));
    throw error;
  } finally {
    await context.close();
  }
}

const live = (page) => page.waitForSelector('#connection[data-state="live"]');

/** The cells of a table's rows, as texts. */
const rowsOf = (page, table) => page.$$eval(`${table} tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));

/** A number that the page shows: 1.5 k, 93.2 MiB, 24.3 %, ≤ 2 ms (in microseconds). */
function numberOf(text) {
  const match = /^[≤\s]*([−-]?[\d.,]+)\s*(.*)$/u.exec(text.trim());
  assert.ok(match, `no number: ${text}`);
  const unit = match[2].split(/[\s/]/u)[0];
  const factors = { "": 1, "%": 0.01, k: 1e3, M: 1e6, G: 1e9, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, "µs": 1, ms: 1e3, s: 1e6 };
  assert.ok(unit in factors, `no unit: ${text}`);
  return Number(match[1].replaceAll(",", "").replace("−", "-")) * factors[unit];
}

function assertNear(actual, expected, part, what) {
  assert.ok(Math.abs(actual - expected) <= part * Math.max(Math.abs(expected), 1e-9), `${what}: the page says ${actual}, the server ${expected}`);
}

async function info(section = "everything") {
  const fields = {};
  for (const line of (await redis("INFO", section)).toString().split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return fields;
}

/** Holds back the page's requests whose bodies are meant, until they are released; held is there when one is. */
async function holdRequests(page, isMeant) {
  let free;
  let told;
  const gate = new Promise((resolve) => { free = resolve; });
  const held = new Promise((resolve) => { told = resolve; });
  const answered = [];
  await page.route("**/v1/pipeline", async (route) => {
    if (!isMeant(route.request().postData())) return route.continue();
    answered.push(page.waitForResponse((response) => response.request() === route.request()).then((response) => response.finished()));
    told();
    await gate;
    await route.continue();
  });
  const release = async () => {
    free();
    await Promise.all(answered);
    await page.unroute("**/v1/pipeline");
    // What the page makes of them needs a turn of its own.
    await page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
  };
  return { held, release };
}

const tile = async (page, name) => (await page.textContent(`[data-tile="${name}"] dd`)).trim();

test("the overview shows the server's own figures under load", () => withPage("overview", async (page) => {
  await page.waitForFunction(() => document.querySelectorAll("#chart-commands path.line")[0]?.getAttribute("d")?.split("L").length > 3, null, { timeout: timeoutMs });
  const before = await info();
  const begun = performance.now();
  await eventually(async () => {
    const now = await info();
    const rate = (Number(now.total_commands_processed) - Number(before.total_commands_processed)) / (performance.now() - begun) * 1000;
    assert.ok(rate > 1000, `no load: ${rate}`);
    // Two windows of a second on a machine that does other things as well.
    assertNear(numberOf(await tile(page, "Commands/s")), rate, 0.6, "commands a second");
    assertNear(numberOf(await tile(page, "Memory")), Number(now.used_memory), 0.05, "memory");
    // The request that asks is a client as well.
    assert.ok(Math.abs(numberOf(await tile(page, "Clients")) - Number(now.connected_clients)) <= 1);
    const keys = Number(/keys=(\d+)/.exec(now.db0)[1]);
    assertNear(numberOf(await tile(page, "Keys")), keys, 0.05, "keys");
  });
  await eventually(async () => {
    const owners = Object.fromEntries((await rowsOf(page, "#owners")).map(([owner, size]) => [owner, numberOf(size)]));
    const now = await info();
    assertNear(owners.Records, Number(now.memory_records), 0.1, "records");
    assertNear(owners.Indexes, Number(now.memory_indexes), 0.1, "indexes");
    assertNear(owners["Trees of large collections"], Number(now.memory_trees), 0.1, "trees");
    assertNear(Object.values(owners).reduce((sum, size) => sum + size, 0), Number(now.used_memory_rss), 0.1, "all owners");
  });
}));

test("latencies are those of the histograms", () => withPage("overview", async (page) => {
  await eventually(async () => assert.notEqual(await tile(page, "Latency p99"), "–"));
  await eventually(async () => {
    const rows = await rowsOf(page, "#commands");
    const now = await info();
    for (const name of ["set", "get", "hset"]) {
      const [, rate, calls, mean, p50, p99] = rows.find(([command]) => command === name);
      const stats = Object.fromEntries(now[`cmdstat_${name}`].split(",").map((pair) => pair.split("=")));
      const percentiles = Object.fromEntries(now[`latency_percentiles_usec_${name}`].split(",").map((pair) => pair.split("=")));
      assert.ok(numberOf(rate) >= 0);
      assertNear(numberOf(calls), Number(stats.calls), 0.3, `calls of ${name}`);
      assertNear(numberOf(mean), Number(stats.usec_per_call), 0.3, `mean of ${name}`);
      assertNear(numberOf(p50), Number(percentiles.p50), 0.02, `p50 of ${name}`);
      assertNear(numberOf(p99), Number(percentiles.p99), 0.02, `p99 of ${name}`);
    }
  });
  // Both of one moment: the page goes on meanwhile.
  const [p50, p999] = await eventually(async () =>
    (await page.evaluate(() => ["p50", "p999"].map((name) => document.querySelector(`[data-series="${name}"]`).textContent))).map(numberOf));
  assert.ok(p50 > 0 && p50 <= p999, `${p50} ${p999}`);
}));

test("the state of journal and images is shown", () => withPage("overview", async (page) => {
  await redis("SET", "saved", "value");
  await eventually(async () => {
    const now = await info("persistence");
    assert.equal(await page.textContent('[data-fact="Journal"] dd'), "on");
    assert.equal(await page.textContent('[data-fact="Last write"] dd'), now.aof_last_write_status);
    assertNear(numberOf(await page.textContent('[data-fact="Journal size"] dd')), Number(now.aof_current_size), 0.3, "journal");
  });
  // Under load the server may be writing one already.
  await redis("BGSAVE").catch((error) => assert.match(error.message, /already in progress/));
  await eventually(async () => assert.doesNotMatch(await page.textContent('[data-fact="Last image"] dd'), /none/));
}));

test("shards: ring, loads and log", () => withPage("shards", async (page) => {
  const points = (await redis("SHARDS", "RING")).at(-1);
  const shardsNow = async () => (await redis("SHARDS", "INFO")).map((flat) => Object.fromEntries(flat.flatMap((name, i) => i % 2 ? [] : [[String(name), String(flat[i + 1])]])));
  const shards = await shardsNow();
  // The page asks for the points once it has the shards.
  await eventually(async () => {
    assert.equal(await page.$$eval(".ring .point", (nodes) => nodes.length), points.length);
    assert.equal(await page.$$eval(".ring .arc", (nodes) => nodes.length), shards.length);
  });
  // Arcs add up to a circle: each belongs to the shard of the point that it leads to.
  assert.equal(await page.$$eval(".ring .arc", (nodes) => nodes.reduce((sum, node) => sum + node.getAttribute("d").split("Z").length - 1, 0)), points.length);
  await eventually(async () => {
    const rows = await rowsOf(page, "#shard-table");
    assert.equal(rows.length, shards.length);
    // Asked again each time: the balancer may have moved slots since.
    for (const shard of await shardsNow()) {
      const row = rows.find(([number]) => number === shard.shard);
      assertNear(numberOf(row[5]), Number(shard.slots), 0, "slots");
      assertNear(numberOf(row[3]), Number(shard.keys), 0.1, "keys");
      assertNear(numberOf(row[1]), Number(shard["load-share"]), 0.5, "load");
      assert.ok(numberOf(row[2]) > 100, `commands a second: ${row[2]}`);
    }
    const share = rows.reduce((sum, row) => sum + numberOf(row[1]), 0);
    assertNear(share, 1, 0.02, "all loads");
  });
  const label = await page.getAttribute(".ring", "aria-label");
  for (const shard of shards) assert.match(label, new RegExp(`shard ${shard.shard} \\d`));
  await redis("SHARDS", "SET", shards.length + 2);
  await eventually(async () => {
    assert.equal((await rowsOf(page, "#shard-table")).length, shards.length + 2);
    assert.equal(await page.$$eval(".ring .arc", (nodes) => nodes.length), shards.length + 2);
    // Newest first, but the balancer may have said something since.
    const log = (await rowsOf(page, "#shard-log")).map((row) => row[1]);
    assert.ok(log.some((line) => line.includes(`from ${shards.length} to ${shards.length + 2}`)), log.join("\n"));
  });
  await redis("SHARDS", "SET", shards.length);
}));

test("hot and big keys are those of HOTKEYS and BIGKEYS", () => withPage("hot", async (page) => {
  await eventually(async () => {
    const hot = await redis("HOTKEYS", "COUNT", 1);
    const big = await redis("BIGKEYS", "COUNT", 1);
    const [hottest] = await rowsOf(page, "#hot-table");
    const [biggest] = await rowsOf(page, "#big-table");
    const field = (flat, name) => flat[flat.findIndex((item, i) => i % 2 === 0 && String(item) === name) + 1];
    assert.equal(hottest[0], String(field(hot[0], "key")));
    assertNear(numberOf(hottest[2]), Number(field(hot[0], "share")), 0.3, "share");
    assert.equal(biggest[0], String(field(big[0], "key")));
    assertNear(numberOf(biggest[3]), Number(field(big[0], "bytes")), 0.05, "bytes");
  });
  await page.check('input[value="BYTES"]');
  await eventually(async () => assert.ok((await rowsOf(page, "#hot-table")).length > 0));
  await page.locator("#big-table tbody tr").first().click();
  await page.waitForSelector("#value .facts");
  assert.equal(new URL(page.url()).hash, "#keys");
}));

const hostile = [
  ['<img src=x onerror="window.pwned=1">', "<script>window.pwned=1</script>", '<img src=x onerror="window.pwned=1">'],
  ["</td></table><svg/onload=window.pwned=1>", "javascript:window.pwned=1", "</td></table><svg/onload=window.pwned=1>"],
  [Buffer.from([0, 255, 1, 254, 10]), Buffer.from([...Array(256).keys()]), "\\x00\\xff\\x01\\xfe\\n"],
  ["žluťoučký 🐎 中文", "Dobrý den\nna shledanou", "žluťoučký 🐎 中文"],
  ["right\u202eto left", "x", "right\\xe2\\x80\\xaeto left"],
  ["back\\slash", "y", "back\\\\slash"],
  ["__proto__", "z", "__proto__"],
  ["", "empty", "(empty)"],
];

test("the key browser shows what was written, whatever bytes it is", () => withPage("keys", async (page) => {
  await redis("SELECT", 5);
  await redis("FLUSHDB");
  for (const [key, value] of hostile) await redis("SET", key, value, "EX", 5000);
  await redis("HSET", "<b>hash</b>", '<img src=x onerror="window.pwned=1">', "<script>window.pwned=1</script>", Buffer.from([255]), Buffer.from([0, 1]));
  await redis("SELECT", 0);
  await page.waitForSelector('#scan-database option[value], #scan-database option:nth-child(2)', { state: "attached" });
  await page.selectOption("#scan-database", "5");
  await page.click("#scan button");
  await eventually(async () => assert.equal((await rowsOf(page, "#key-table")).length, hostile.length + 1));
  const rows = await rowsOf(page, "#key-table");
  for (const [, , shown] of hostile) {
    const row = rows.find(([key]) => key === shown);
    assert.ok(row, `${shown} is not among ${JSON.stringify(rows.map(([key]) => key))}`);
    assert.equal(row[1], "string");
    assert.match(row[2], /^1\sh 2\d\smin$/u);
  }

  const openKey = async (shown) => {
    await page.locator("#key-table tbody tr", { has: page.locator(`td:text-is(${JSON.stringify(shown)})`) }).click();
    await eventually(async () => assert.equal(await page.textContent("#value-title"), shown));
    await page.waitForSelector("#value pre, #value table");
  };
  await openKey(hostile[0][2]);
  assert.equal(await page.textContent("#value pre"), hostile[0][1]);
  await openKey(hostile[3][2]);
  assert.equal(await page.textContent("#value pre"), hostile[3][1]);
  await openKey(hostile[2][2]);
  assert.match(await page.textContent("#value pre"), /^\\x00\\x01.*\\xfe\\xff$/s);
  await page.check('input[value="hex"]');
  assert.match(await page.textContent("#value pre"), /^00000000 {2}00 01 02 03/);
  await openKey("<b>hash</b>");
  // Its fields come with another request.
  const fields = [['<img src=x onerror="window.pwned=1">', "<script>window.pwned=1</script>"], ["\\xff", "\\x00\\x01"]].sort();
  await eventually(async () => assert.deepEqual((await rowsOf(page, "#value")).sort(), fields));
  await page.screenshot({ path: `${screenshots}/keys-dark.png` });

  for (const [pattern, found] of [['"\\x00\\xff*"', 1], ["žluť*", 1], ["<*", 3], ["none*", 0]]) {
    await page.fill("#scan-match", pattern);
    await page.click("#scan button");
    await eventually(async () => assert.equal((await rowsOf(page, "#key-table")).length, found, pattern));
  }
  await page.fill("#scan-match", "");
  await page.selectOption("#scan-type", "hash");
  await page.click("#scan button");
  await eventually(async () => assert.deepEqual((await rowsOf(page, "#key-table")).map(([key]) => key), ["<b>hash</b>"]));
}));

test("a key is deleted after a question, and a big one comes in parts", () => withPage("keys", async (page) => {
  await redis("SET", "delete\nme", "x");
  await redis("SET", "long", "x".repeat(100_000));
  await redis("HSET", "many", ...Array.from({ length: 1500 }, (_, i) => [`field:${i}`, i]).flat());
  await page.fill("#scan-match", '"delete*"');
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal((await rowsOf(page, "#key-table")).length, 1));
  await page.locator("#key-table tbody tr").first().focus();
  await page.keyboard.press("Delete");
  await page.waitForSelector("#confirm[open]");
  assert.match(await page.textContent("#confirm-detail"), /delete\\nme/);
  await page.keyboard.press("Escape");
  assert.equal(await redis("EXISTS", "delete\nme"), 1);
  await page.keyboard.press("Delete");
  await page.waitForSelector("#confirm[open]");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal(await redis("EXISTS", "delete\nme"), 0));
  await eventually(async () => assert.equal((await rowsOf(page, "#key-table")).length, 0));

  await page.fill("#scan-match", "long");
  await page.click("#scan button");
  await page.locator("#key-table tbody tr", { hasText: "long" }).click();
  await eventually(async () => assert.match(await page.textContent("#value > .note"), /The first 65,536 of 100,000 bytes/));
  await page.fill("#scan-match", "many");
  await page.click("#scan button");
  await page.locator("#key-table tbody tr", { hasText: "many" }).click();
  await eventually(async () => assert.match(await page.textContent("#value > .note"), /^\d+ of 1,500 fields/));
  const shown = (await rowsOf(page, "#value")).length;
  assert.ok(shown < 1500);
  await page.click("text=More fields");
  await eventually(async () => assert.ok((await rowsOf(page, "#value")).length > shown));
}));

test("an empty database says so, and a pattern that nothing matches too", () => withPage("keys", async (page) => {
  await redis("SELECT", 6);
  await redis("SET", "only", "x");
  await redis("SELECT", 0);
  await page.waitForSelector('#scan-database option:text-is("6")', { state: "attached" });
  assert.match(await page.textContent("#value"), /Choose a key/);
  await page.selectOption("#scan-database", "6");
  await page.fill("#scan-match", "none*");
  await page.click("#scan button");
  await eventually(async () => assert.equal(await page.textContent("#key-table .empty"), "No key matches."));
  await redis("SELECT", 6);
  await redis("DEL", "only");
  await redis("SELECT", 0);
  await page.fill("#scan-match", "");
  await page.click("#scan button");
  await eventually(async () => assert.equal(await page.textContent("#key-table .empty"), "Database 6 has no keys."));
}));

test("keys that begin alike are rows of their own, and long names are cut", () => withPage("hot", async (page) => {
  const names = ["1", "2"].map((end) => Buffer.concat([Buffer.alloc(150, 0xff), Buffer.from(end)]));
  for (const name of names) await redis("SET", name, "x".repeat(3_000_000));
  await eventually(async () => {
    const rows = (await rowsOf(page, "#big-table")).filter(([key]) => key.startsWith("\\xff"));
    assert.equal(rows.length, 2);
    for (const [key] of rows) assert.match(key, /^(\\xff){30}… \(151 bytes\)$/);
  });
  for (const name of names) await redis("DEL", name);
}));

test("a pattern that only one key can match finds it at once, however many others there are", () => withPage("keys", async (page) => {
  await redis("SET", "needle?", "x");
  let scans = 0;
  page.on("request", (request) => { if (request.postData()?.includes('"SCAN"')) scans++; });
  await page.waitForFunction(() => document.getElementById("scan-state").textContent.includes("keys"));
  scans = 0;
  for (const [pattern, type, found] of [["counter-that-is-not", "", 0], ["long", "", 1], ["long", "hash", 0], ["long", "string", 1]]) {
    await redis("SET", "long", "x");
    await page.selectOption("#scan-type", type);
    await page.fill("#scan-match", pattern);
    await page.click("#scan button");
    await eventually(async () => assert.match(await page.textContent("#scan-state"), new RegExp(`^${found} keys?$`)));
    assert.equal((await rowsOf(page, "#key-table")).length, found);
  }
  assert.equal(scans, 0);
  await page.selectOption("#scan-type", "");
  await page.fill("#scan-match", "needle?");
  await page.click("#scan button");
  await eventually(async () => assert.ok(scans > 0));
  await redis("DEL", "needle?");
}));

test("a question that is asked again at once has an answer of its own", () => withPage("keys", async (page) => {
  await redis("SET", "twice", "x");
  await page.fill("#scan-match", "twice");
  await page.keyboard.press("Enter");
  await page.locator("#key-table tbody tr", { hasText: "twice" }).focus();
  // The browser tells of the end of the first question when the second is there.
  await page.evaluate(() => new Promise((told) => {
    const row = document.activeElement;
    const dialog = document.getElementById("confirm");
    const press = () => row.dispatchEvent(new KeyboardEvent("keydown", { key: "Delete", bubbles: true }));
    dialog.addEventListener("close", () => setTimeout(told), { once: true });
    press();
    dialog.close();
    press();
  }));
  await page.click("#confirm-yes");
  await eventually(async () => assert.equal(await redis("EXISTS", "twice"), 0));
}));

test("an answer that comes late changes nothing that was asked for since", () => withPage("keys", async (page) => {
  const base64 = (text) => Buffer.from(text).toString("base64");
  for (const key of ["late:1", "late:2", "soon:1"]) await redis("SET", key, `value of ${key}`);
  const search = async (pattern) => {
    await page.fill("#scan-match", pattern);
    await page.click("#scan button");
  };
  const keysShown = async () => (await rowsOf(page, "#key-table")).map(([key]) => key);
  let hold = await holdRequests(page, (body) => body.includes("MEMORY") && body.includes(base64("late:1")));
  await search("late:*");
  await hold.held;
  await search("soon:*");
  await eventually(async () => assert.deepEqual(await keysShown(), ["soon:1"]));
  await hold.release();
  await eventually(async () => assert.deepEqual(await keysShown(), ["soon:1"]));

  await search("*:1");
  await eventually(async () => assert.deepEqual((await keysShown()).filter((key) => /^(late|soon):/.test(key)), ["late:1", "soon:1"]));
  hold = await holdRequests(page, (body) => body.includes("GETRANGE") && body.includes(base64("late:1")));
  await page.locator("#key-table tbody tr", { hasText: "late:1" }).click();
  await hold.held;
  await page.locator("#key-table tbody tr", { hasText: "soon:1" }).click();
  await eventually(async () => assert.equal(await page.textContent("#value pre"), "value of soon:1"));
  await hold.release();
  assert.deepEqual(await page.$$eval("#value pre", (nodes) => nodes.map((node) => node.textContent)), ["value of soon:1"]);
}));

test("the command box answers as redis-cli does", () => withPage("command", async (page) => {
  await page.waitForFunction(() => /\d+ commands/.test(document.getElementById("help").textContent));
  const lines = [
    "PING", 'SET "k\\x00\\xff" "a\\"b\\n"', 'GET "k\\x00\\xff"', "INCR counter", "GET missing", "HSET h f v", "HGETALL h", "KEYS nothing*", "GET h", "NOPE 1",
    "COMMAND GETKEYS MSET a 1 b 2", "CLIENT HELP", "SLOWLOG GET 0", "ECHO žluť", "TYPE h", "TIME extra", "GET 'it''s'", "EXISTS h counter",
  ];
  await redis("DEL", "counter", "h");
  for (const line of lines) {
    const count = await page.$$eval("#replies pre", (nodes) => nodes.length);
    await page.fill("#line", line);
    await page.keyboard.press("Escape");
    await page.focus("#line");
    await page.keyboard.press("Enter");
    await page.waitForFunction((before) => document.querySelectorAll("#replies pre").length >= before + 2, count);
    const shown = await page.$eval("#replies pre:last-child", (node) => node.textContent);
    if (line.startsWith("INCR") || line.startsWith("HSET")) {
      assert.equal(shown, "(integer) 1", line);
      continue;
    }
    // What redis-cli itself makes of the same line.
    const expected = execFileSync("redis-cli", ["--no-raw", "-p", respPort], { input: line + "\n", stdio: ["pipe", "pipe", "ignore"] }).toString().trimEnd();
    assert.equal(shown.trimEnd(), expected, line);
  }
  assert.ok((await redis("GET", Buffer.from([0x6b, 0, 255]))).equals(Buffer.from('a"b\n')));
}));

test("of a reply that is very long the beginning is shown", () => withPage("command", async (page) => {
  await redis("SET", "text", "x".repeat(300_000));
  await redis("HSET", "fields", ...Array.from({ length: 20_000 }, (_, i) => [`field:${i}`, i]).flat());
  for (const [line, end] of [["GET text", "300,000 bytes"], ["HGETALL fields", "40,000 elements"]]) {
    await page.fill("#line", line);
    await page.keyboard.press("Enter");
    await eventually(async () => assert.ok((await page.textContent("#replies pre:last-child")).endsWith(`\n… the beginning of ${end}`), line));
    assert.ok((await page.textContent("#replies pre:last-child")).length < 201_000);
  }
  await redis("DEL", "text", "fields");
}));

test("completion, help and history by keyboard", () => withPage("command", async (page) => {
  await page.waitForFunction(() => /\d+ commands/.test(document.getElementById("help").textContent));
  await page.focus("#line");
  await page.keyboard.type("client ki");
  assert.equal(await page.getAttribute("#line", "aria-expanded"), "true");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.getAttribute("#line", "aria-activedescendant"), "completion-0");
  await page.keyboard.press("Tab");
  assert.equal(await page.inputValue("#line"), "CLIENT KILL ");
  assert.match(await page.textContent("#help code"), /^CLIENT KILL /);
  await page.fill("#line", "set k v");
  assert.match(await page.textContent("#help code"), /^SET key value \[NX \| XX\] \[GET\] \[EX seconds \| PX milliseconds \| EXAT unix-time-seconds \| PXAT unix-time-milliseconds \| KEEPTTL\] \[MEDIATYPE media-type\]$/);
  await page.keyboard.press("Enter");
  await page.keyboard.type("get k");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal(await page.textContent("#replies pre:last-child"), '"v"'));
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.inputValue("#line"), "get k");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.inputValue("#line"), "set k v");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.inputValue("#line"), "");
  await page.keyboard.type("select 3");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal(await page.textContent("#prompt"), "3>"));
  await page.keyboard.type("flushall");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#confirm[open]");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal(await page.textContent("#replies pre:last-child"), "(not run)"));
  assert.ok(Number(await redis("DBSIZE")) > 0);
  await page.screenshot({ path: `${screenshots}/command-dark.png` });
  await page.focus("#line");
  await page.keyboard.press("Control+l");
  assert.equal(await page.$$eval("#replies pre", (nodes) => nodes.length), 0);
}));

test("clients are listed, and one is disconnected after a question", () => withPage("clients", async (page) => {
  const victim = await connect(Number(respPort));
  const id = String(await victim("CLIENT", "ID"));
  await victim("CLIENT", "SETNAME", "<img/src=x/onerror=window.pwned=1>");
  const row = page.locator("#client-table tbody tr", { hasText: "onerror" });
  await row.waitFor();
  // Asked again each time: the load connects anew for each of its commands.
  await eventually(async () => {
    const expected = (await redis("CLIENT", "LIST")).toString().trim().split("\n").filter((line) => !line.includes("fd=-1"));
    assert.equal((await rowsOf(page, "#client-table")).filter((cells) => cells[2] === "RESP").length, expected.length);
  });
  assert.equal((await row.locator("td").first().textContent()).trim(), id);
  assert.ok((await rowsOf(page, "#client-table")).some((cells) => cells[2] === "HTTP"), "the page itself is a client");
  await row.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#confirm[open]");
  await page.click("#confirm-yes");
  await row.waitFor({ state: "detached" });
  await victim.closed;
}));

test("the slow log shows slow commands", () => withPage("slow", async (page) => {
  const entry = await eventually(async () => {
    // In one go, so that what others do slowly on a busy machine does not push it out: afterwards little is slow enough.
    const threshold = (micros) => redis("CONFIG", "SET", "slowlog-log-slower-than", micros);
    await Promise.all([threshold(50), redis("COMMAND", "DOCS"), threshold(1_000_000)]);
    const found = (await redis("SLOWLOG", "GET", 50)).find((one) => String(one[3][0]) === "COMMAND");
    assert.ok(found, "the server found nothing slow");
    return found;
  });
  await eventually(async () => {
    const row = (await rowsOf(page, "#slow-table")).find(([id]) => id === String(entry[0]));
    assert.ok(row, `entry ${entry[0]} is not shown`);
    assert.equal(row[3], "COMMAND DOCS");
    assertNear(numberOf(row[2]), Number(entry[2]), 0.02, "duration");
    assert.match(await page.textContent("#slow-state"), /from 1\.00\ss on/);
  });
}));

test("all views are reached by keyboard alone, with a focus that is seen", () => withPage("overview", async (page) => {
  const titles = ["overview", "shards", "keys", "hot", "command", "clients", "slow"];
  for (const [i, name] of titles.entries()) {
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press(String(i + 1));
    await page.waitForSelector(`#view-${name}:not([hidden])`);
    assert.equal(await page.getAttribute('nav a[aria-current="page"]', "href"), "#" + name);
  }
  await page.keyboard.press("1");
  await page.keyboard.press("?");
  await page.waitForSelector("#keyboard[open]");
  await page.keyboard.press("Escape");
  assert.equal(await page.$("#keyboard[open]"), null);

  // The Tab key comes past the tools, all views and each table once, and back to the beginning.
  await page.waitForSelector("#commands tbody tr");
  await page.evaluate(() => document.querySelector(".skip").focus());
  const stops = [];
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const node = document.activeElement;
      if (node === document.body) return null;
      const style = getComputedStyle(node);
      return { name: node.id || node.hash || node.closest("[id]")?.id, outline: style.outlineStyle, label: node.getAttribute("aria-label") ?? node.textContent };
    });
    if (stop === null) break;
    stops.push(stop);
  }
  const names = stops.map((stop) => stop.name);
  for (const name of ["pause", "theme", "shortcuts", "#overview", "#slow", "chart-commands", "chart-latency", "owners", "commands"]) assert.ok(names.includes(name), `${name} is not among ${names}`);
  assert.equal(names.filter((name) => name === "commands").length, 1, "a table is one stop");
  for (const stop of stops) assert.notEqual(stop.outline, "none", `no outline: ${stop.name}`);
  for (const stop of stops) assert.ok(stop.label.trim().length > 0, `no label: ${stop.name}`);

  // In a table the arrows go on, also while its figures change.
  await page.locator("#commands tbody tr").first().focus();
  await page.keyboard.press("ArrowDown");
  const second = await page.evaluate(() => document.activeElement.cells[0].textContent);
  await page.waitForTimeout(1500);
  assert.equal(await page.evaluate(() => document.activeElement.cells?.[0].textContent), second);
  // Between the keys the rows may have changed their places.
  await eventually(async () => {
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.evaluate(() => document.activeElement.className), "sort");
  });
  await page.keyboard.press("Enter");
  assert.equal(await page.getAttribute("#commands th", "aria-sort"), "ascending");
}));

test("the moments of a chart are said as the arrows go through them", () => withPage("overview", async (page) => {
  await page.waitForFunction(() => document.querySelector("#chart-memory path.line")?.getAttribute("d")?.includes("L"), null, { timeout: timeoutMs });
  await page.focus("#chart-memory svg");
  await page.keyboard.press("ArrowLeft");
  assert.match(await page.textContent("#announcement"), /^\d\d:\d\d:\d\d: data [\d.]+\s\w+, resident [\d.]+\s\w+$/u);
  await page.keyboard.press("Escape");
}));

test("the views' names stay where they are, and content that is longer than the window scrolls in itself", () => withPage("overview", async (page) => {
  const places = () => page.$$eval("nav a", (links) => links.map((link) => Math.round(link.getBoundingClientRect().left)));
  const before = await places();
  for (const view of views) {
    await goTo(page, view);
    assert.deepEqual(await places(), before, view);
  }
  await redis("CONFIG", "SET", "slowlog-log-slower-than", 0);
  await goTo(page, "slow");
  await eventually(async () => assert.equal((await rowsOf(page, "#slow-table")).length, 100));
  await redis("CONFIG", "SET", "slowlog-log-slower-than", 1_000_000);
  assert.ok(await page.evaluate(() => document.querySelector("#slow-table .scroll").clientHeight < innerHeight));
  await page.setViewportSize({ width: 2200, height: 900 });
  assert.ok(await page.evaluate(() => Math.abs(document.querySelector("header h1").getBoundingClientRect().left - document.querySelector("main section:not([hidden]) article").getBoundingClientRect().left) < 2));
}));

test("figures keep three digits and a unit", () => withPage("overview", async (page) => {
  const shown = await page.evaluate(async () => {
    const { bytes, micros, percent, short } = await import(new URL("console/format.js", location.href).href);
    return [bytes(1024 ** 2 * 9.999), bytes(1023.7 * 1024), micros(999.7), micros(8.192), percent(0.00098), percent(0.5), percent(0), percent(0.00001), short(999_600)];
  });
  assert.deepEqual(shown.map((text) => text.replaceAll("\u202f", " ")), ["10.0 MiB", "1.00 MiB", "1.00 ms", "8.19 µs", "0.10 %", "50.0 %", "0.0 %", "< 0.01 %", "1.00 M"]);
}));

test("what hinders clients stands above every view", () => withPage("shards", async (page) => {
  // As the server says it while it loads, and when the disk fails.
  const change = (from, to) => page.route("**/v1/pipeline", async (route) => {
    const answer = await route.fetch();
    let body = (await answer.body()).toString("latin1");
    for (const [i, text] of from.entries()) body = body.replace(text, to[i]);
    await route.fulfill({ response: answer, body: Buffer.from(body, "latin1") });
  });
  assert.equal(await page.isHidden("#gone"), true);
  await change(["\r\nloading:0"], ["\r\nloading:1"]);
  await eventually(async () => assert.match(await page.textContent("#gone"), /^The server is loading its data: 0 % done/));
  assert.equal(await page.getAttribute("#connection", "data-state"), "waiting");
  await page.unroute("**/v1/pipeline");
  await live(page);
  assert.equal(await page.isHidden("#gone"), true);
  // One byte longer, one shorter: the length that stands before stays true.
  await change(["aof_last_write_status:ok", "redis_git_sha1:00000000"], ["aof_last_write_status:err", "redis_git_sha1:0000000"]);
  await eventually(async () => assert.match(await page.textContent("#gone"), /^Writes are refused: /));
  await page.unroute("**/v1/pipeline");
  await live(page);
}));

test("axe finds nothing in any view", () => withPage("overview", async (page) => {
  for (const view of views) {
    await goTo(page, view);
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`));
    assert.deepEqual(violations, [], view);
  }
}, { bypassCSP: true }));

test("themes: the system's, and one that is kept", () => withPage("overview", async (page) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground();
  assert.notEqual(dark, light);
  await page.keyboard.press("t");
  assert.equal(await ground(), dark);
  await page.reload();
  await live(page);
  assert.equal(await ground(), dark);
  assert.equal(await page.textContent("#theme"), "Theme: dark");
  await page.keyboard.press("t");
  await page.keyboard.press("t");
  assert.equal(await page.textContent("#theme"), "Theme: system");
  assert.equal(await ground(), light);
}));

test("nothing is asked while the page is paused, and nothing changes", () => withPage("overview", async (page) => {
  const hold = await holdRequests(page, () => true);
  await hold.held;
  await page.keyboard.press("p");
  await hold.release();
  assert.equal(await page.textContent("#connection-text"), "Paused");
  let requests = 0;
  page.on("request", () => requests++);
  // The browser may tell of an earlier one late.
  await eventually(async () => {
    requests = 0;
    await page.waitForTimeout(2500);
    assert.equal(requests, 0);
  });
  await page.keyboard.press("p");
  await live(page);
  requests = 0;
  const begun = performance.now();
  await page.waitForTimeout(3000);
  await eventually(async () => assert.ok(requests >= 1));
  // A busy machine waits for longer than it is told to.
  const seconds = (performance.now() - begun) / 1000;
  assert.ok(requests <= seconds + 1, `${requests} requests in ${seconds} seconds`);
}));

const views = ["overview", "shards", "keys", "hot", "command", "clients", "slow"];

/** Goes to a view and waits until it has been filled. */
async function goTo(page, view) {
  await page.evaluate((name) => { location.hash = "#" + name; }, view);
  await page.waitForSelector(`#view-${view}:not([hidden])`);
  const filled = { overview: "#commands tbody tr", shards: ".ring .arc", keys: "#key-table tbody tr", hot: "#big-table tbody tr", command: "#help .empty", clients: "#client-table tbody tr", slow: "#slow-table tbody tr" };
  await page.waitForSelector(filled[view]);
}

for (const colorScheme of ["dark", "light"]) {
  test(`no view is wider than 360 pixels, and texts have contrast: ${colorScheme}`, () => withPage("overview", async (page) => {
    for (const view of views) {
      await goTo(page, view);
      await page.screenshot({ path: `${screenshots}/${view}-360-${colorScheme}.png`, fullPage: true });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view} is wider than the window`);
      assert.deepEqual(await page.evaluate(poorContrast), [], view);
    }
  }, { viewport: { width: 360, height: 740 }, colorScheme }));
}

// Texts whose colour is too near to what is behind them (WCAG 2: 4.5 to 1).
function poorContrast() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *:not(svg *)")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()) || !node.checkVisibility()) continue;
    const [a, b] = [luminance(rgba(getComputedStyle(node).color)), luminance(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName} ${node.className} ${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}

for (const colorScheme of ["dark", "light"]) {
  test(`screenshots of all views: ${colorScheme}`, () => withPage("slow", async (page) => {
    for (const view of [...views].reverse()) {
      await goTo(page, view);
      if (view === "keys") {
        await page.locator("#key-table tbody tr").first().click();
        await page.waitForSelector("#value .facts");
      } else if (view === "command") {
        for (const line of ["SET page:1 hello EX 60", "GET page:1", "HRANDFIELD many 2 WITHVALUES", "GETRANGE page:1 a b", "SHARDS LOG 2"]) {
          await page.fill("#line", line);
          await page.keyboard.press("Enter");
        }
        await eventually(async () => assert.equal(await page.$$eval("#replies .asked", (nodes) => nodes.length), 5));
        await page.keyboard.type("client");
        await page.keyboard.press("ArrowDown");
      }
      await page.screenshot({ path: `${screenshots}/${view}-${colorScheme}.png`, fullPage: true });
      assert.deepEqual(await page.evaluate(poorContrast), [], view);
    }
  }, { colorScheme }));
}

test("a password is asked for once", () => withPage("overview", async (page) => {
  await page.waitForSelector("#login[open]");
  await page.fill("#password", "wrong");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.match(await page.textContent("#login-error"), /not the password/));
  await page.fill("#password", "sésame 🔑");
  await page.keyboard.press("Enter");
  await live(page);
  await page.reload();
  await live(page);
  assert.equal(await page.$("#login[open]"), null);
  assert.equal(await page.evaluate(() => Object.values(localStorage).concat(document.cookie).some((text) => text.includes("Basic"))), false);
}, { url: `http://127.0.0.1:${lockedHttpPort}`, allowed: [/401/], live: false }));

test("a server that goes is missed, and one that comes back is welcome", () => withPage("overview", async (page) => {
  await stop(load);
  // Nobody writes any more; a key or two may have a deadline.
  const keys = Number(/keys=(\d+)/.exec((await info("keyspace")).db0)[1]);
  await stop(server);
  await page.waitForSelector("#gone:not([hidden])");
  assert.match(await page.textContent("#gone"), /has not answered since \d\d:\d\d:\d\d/);
  assert.equal(await page.getAttribute("#connection", "data-state"), "gone");
  assert.equal(await page.textContent("#announcement"), "The server does not answer");
  assertNear(numberOf(await tile(page, "Keys")), keys, 0.05, "keys");
  await page.screenshot({ path: `${screenshots}/gone-dark.png` });
  server = await startMemstore(dll, main);
  await live(page);
  assert.equal(await page.isHidden("#gone"), true);
  await eventually(async () => assert.match(await tile(page, "Commands/s"), /^\d/));
}, { allowed: [/ERR_CONNECTION|Failed to load resource|ERR_EMPTY_RESPONSE/] }));

mkdirSync(screenshots, { recursive: true });
browser = await chromium.launch({ executablePath: chromiumPath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
const wanted = process.env.ONLY;
let passed = 0;
let failed = 0;
for (const { name, body } of tests) {
  if (wanted && !name.includes(wanted)) continue;
  const begun = Date.now();
  try {
    await body();
    passed++;
    console.log(`ok      ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
