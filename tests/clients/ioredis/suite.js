// ioredis against a running server, which is emptied: node suite.js [host:port]
import assert from "node:assert/strict";
import { once } from "node:events";
import Redis from "ioredis";

const [host, port] = (process.argv[2] ?? "127.0.0.1:6379").split(":");
// Ends only what hangs: nothing is decided by it.
const timeoutMs = 60_000;
const options = { host, port: Number(port), maxRetriesPerRequest: 0, retryStrategy: null, connectTimeout: timeoutMs };
const tests = [];
const test = (name, body) => tests.push({ name, body });

async function withClient(more, body) {
  const client = new Redis({ ...options, ...more });
  client.on("error", () => {});
  try {
    return await body(client);
  } finally {
    client.disconnect();
  }
}

test("becomes ready: INFO says that nothing is being loaded", () => withClient({}, async (redis) => {
  await once(redis, "ready");
  assert.equal(redis.status, "ready");
  assert.match(redis.serverInfo?.redis_version ?? await redis.info("server"), /7\.0\.\d+/);
}));

test("strings and their options", () => withClient({}, async (redis) => {
  assert.equal(await redis.set("s", "hello"), "OK");
  assert.equal(await redis.get("s"), "hello");
  assert.equal(await redis.set("s", "x", "NX"), null);
  assert.equal(await redis.set("s", "x", "EX", 1000, "GET"), "hello");
  assert.ok(await redis.ttl("s") > 900);
  assert.equal(await redis.incrby("n", 41), 41);
  assert.equal(await redis.incr("n"), 42);
  assert.equal(await redis.incrbyfloat("n", 0.5), "42.5");
  assert.deepEqual(await redis.mget("s", "none", "n"), ["x", null, "42.5"]);
  assert.equal(await redis.get("none"), null);
}));

test("bytes come back as they were", () => withClient({}, async (redis) => {
  const bytes = Buffer.from([...Array(256).keys()]);
  await redis.set(bytes, bytes);
  assert.deepEqual(await redis.getBuffer(bytes), bytes);
  await redis.set("unicode", "žluťoučký 🐎");
  assert.equal(await redis.get("unicode"), "žluťoučký 🐎");
  const big = "x".repeat(5_000_000);
  await redis.set("big", big);
  assert.equal(await redis.get("big"), big);
}));

test("a hash is an object", () => withClient({}, async (redis) => {
  await redis.hset("h", { name: "Ada", born: 1815 });
  assert.deepEqual({ ...(await redis.hgetall("h")) }, { name: "Ada", born: "1815" });
  assert.deepEqual({ ...(await redis.hgetall("none")) }, {});
  assert.equal(await redis.hincrby("h", "born", 1), 1816);
  assert.deepEqual(await redis.hmget("h", "name", "none"), ["Ada", null]);
}));

test("a pipeline answers in order, errors included", () => withClient({}, async (redis) => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 5_000; i++) pipeline.set(`p:${i}`, i).get(`p:${i}`);
  pipeline.hset("p:1", "f", "v").get("p:2");
  const replies = await pipeline.exec();
  assert.equal(replies.length, 10_002);
  for (let i = 0; i < 5_000; i++) assert.deepEqual(replies[2 * i + 1], [null, String(i)]);
  assert.match(replies[10_000][0].message, /^WRONGTYPE/);
  assert.deepEqual(replies[10_001], [null, "2"]);
}));

test("MULTI and EXEC", () => withClient({}, async (redis) => {
  const replies = await redis.multi().set("m:a", 1).incr("m:a").get("m:a").exec();
  assert.deepEqual(replies, [[null, "OK"], [null, 2], [null, "2"]]);
  await assert.rejects(redis.multi().set("m:a").exec(), /EXECABORT/);
  const partly = await redis.multi().set("m:b", "text").incr("m:b").exec();
  assert.match(partly[1][0].message, /not an integer/);
}));

test("WATCH notices another client", () => withClient({}, (redis) => withClient({}, async (other) => {
  await redis.watch("w");
  await other.set("w", "theirs");
  assert.equal(await redis.multi().set("w", "mine").exec(), null);
  await redis.watch("w");
  assert.deepEqual(await redis.multi().set("w", "mine").exec(), [[null, "OK"]]);
  assert.equal(await redis.get("w"), "mine");
})));

test("messages by channel and by pattern", () => withClient({}, (subscriber) => withClient({}, async (publisher) => {
  assert.equal(await subscriber.subscribe("news", "sport"), 2);
  assert.equal(await subscriber.psubscribe("wea*"), 3);
  const message = once(subscriber, "message");
  assert.equal(await publisher.publish("news", "hello"), 1);
  assert.deepEqual(await message, ["news", "hello"]);
  const patterned = once(subscriber, "pmessage");
  await publisher.publish("weather", "rain");
  assert.deepEqual(await patterned, ["wea*", "weather", "rain"]);
  assert.deepEqual(await publisher.pubsub("NUMSUB", "news"), ["news", 1]);
  assert.equal(await subscriber.unsubscribe("news"), 2);
  assert.equal(await publisher.publish("news", "again"), 0);
})));

test("a scan stream sees each key", () => withClient({ keyPrefix: "" }, async (redis) => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 3_000; i++) pipeline.set(`scan:${i}`, i);
  await pipeline.exec();
  const seen = new Set();
  for await (const keys of redis.scanStream({ match: "scan:*", count: 100 })) keys.forEach((key) => seen.add(key));
  assert.equal(seen.size, 3_000);

  const fields = new Set();
  await redis.hset("scan-hash", Object.fromEntries([...Array(1_000).keys()].map((i) => [`f${i}`, i])));
  for await (const page of redis.hscanStream("scan-hash", { count: 100 })) page.forEach((text, i) => i % 2 || fields.add(text));
  assert.equal(fields.size, 1_000);
}));

test("SELECT, names and key prefixes", () => withClient({ db: 4, connectionName: "suite", keyPrefix: "pre:" }, async (redis) => {
  await redis.set("k", "v");
  assert.equal(await redis.client("GETNAME"), "suite");
  assert.match(await redis.client("LIST"), /name=suite .*db=4/);
  await withClient({ db: 4 }, async (plain) => assert.equal(await plain.get("pre:k"), "v"));
  await withClient({}, async (elsewhere) => assert.equal(await elsewhere.exists("pre:k"), 0));
}));

test("errors reach the caller", () => withClient({}, async (redis) => {
  await assert.rejects(redis.call("NOSUCHCOMMAND", "a"), /unknown command/);
  await assert.rejects(redis.call("GET"), /wrong number of arguments/);
  await redis.hset("e", "f", "v");
  await assert.rejects(redis.get("e"), /WRONGTYPE/);
}));

test("a monitor sees commands", () => withClient({}, async (redis) => {
  const monitor = await redis.monitor();
  const seen = new Promise((resolve) => monitor.on("monitor", (_, args) => args[1] === "watched" && resolve(args)));
  await redis.set("watched", 1);
  assert.deepEqual((await seen).map((word) => word.toLowerCase()), ["set", "watched", "1"]);
  monitor.disconnect();
}));

test("QUIT", () => withClient({}, async (redis) => {
  assert.equal(await redis.quit(), "OK");
}));

await withClient({}, (redis) => redis.flushall());
let failed = 0;
for (const { name, body } of tests) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no end within ${timeoutMs} ms`)), timeoutMs); });
  try {
    await Promise.race([body(), late]);
  } catch (error) {
    failed++;
    console.log(`failed: ${name}\n  ${error.stack?.split("\n").slice(0, 12).join("\n  ")}`);
  } finally {
    clearTimeout(timer);
  }
}
await withClient({}, (redis) => redis.flushall());
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
