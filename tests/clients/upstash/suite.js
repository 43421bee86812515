// @upstash/redis as it is on npm against a running server, which is emptied: node suite.js [host:port] with the port of REST
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";

const url = `http://${process.argv[2] ?? "127.0.0.1:8080"}`;
const token = process.env.MEMSTORE_TOKEN ?? "secret";
// Ends only what hangs: nothing is decided by it.
const timeoutMs = 60_000;
const tests = [];
const test = (name, body) => tests.push({ name, body });
const client = (more) => new Redis({ url, token, enableTelemetry: false, retry: false, ...more });
const redis = client();

test("strings and their options", async () => {
  assert.equal(await redis.set("s", "hello"), "OK");
  assert.equal(await redis.get("s"), "hello");
  assert.equal(await redis.set("s", "x", { nx: true }), null);
  assert.equal(await redis.set("s", "x", { ex: 1000, get: true }), "hello");
  assert.ok((await redis.ttl("s")) > 900);
  assert.equal(await redis.incrby("n", 41), 41);
  assert.equal(await redis.incr("n"), 42);
  assert.equal(await redis.incrbyfloat("n", 0.5), 42.5);
  assert.deepEqual(await redis.mset({ a: "1", b: { c: 2 } }), "OK");
  assert.deepEqual(await redis.mget("s", "none", "b"), ["x", null, { c: 2 }]);
  assert.equal(await redis.get("none"), null);
  assert.equal(await redis.append("s", "yz"), 3);
  assert.equal(await redis.strlen("s"), 3);
  assert.equal(await redis.getdel("s"), "xyz");
  assert.equal(await redis.exists("s", "a", "b"), 2);
  assert.equal(await redis.del("a", "b"), 2);
});

test("JSON, unicode and awkward strings come back as they were", async () => {
  const values = [
    { nested: { list: [1, "two", null, true], "ключ": "žluťoučký 🐎" } }, [1, 2, 3], [], {}, true, 12.5, 0,
    "žluťoučký 🐎", "\u0000\u0001\u007f", "line\r\nbreak", "a \"quoted\" word", "", " ",
  ];
  for (const value of values) {
    await redis.set("value", value);
    assert.deepEqual(await redis.get("value"), value);
  }
  const raw = client({ automaticDeserialization: false });
  await raw.set("value", "{\"a\":1}");
  assert.equal(await raw.get("value"), "{\"a\":1}");
  const plain = client({ responseEncoding: false });
  await plain.set("value", "žluťoučký 🐎");
  assert.equal(await plain.get("value"), "žluťoučký 🐎");
  const big = "x".repeat(3_000_000);
  await redis.set("big", big);
  assert.equal(await redis.get("big"), big);
});

test("a hash is an object", async () => {
  assert.equal(await redis.hset("h", { name: "Ada", born: 1815, tags: ["a", "b"] }), 3);
  assert.deepEqual(await redis.hgetall("h"), { name: "Ada", born: 1815, tags: ["a", "b"] });
  assert.equal(await redis.hgetall("none"), null);
  assert.equal(await redis.hget("h", "name"), "Ada");
  assert.equal(await redis.hincrby("h", "born", 1), 1816);
  assert.deepEqual(await redis.hmget("h", "name", "none"), { name: "Ada", none: null });
  assert.deepEqual((await redis.hkeys("h")).sort(), ["born", "name", "tags"]);
  assert.equal(await redis.hlen("h"), 3);
  const [cursor, fields] = await redis.hscan("h", 0);
  assert.equal(String(cursor), "0");
  assert.equal(fields.length, 6);
  assert.equal(await redis.hdel("h", "name", "born"), 2);
});

test("a pipeline answers in order", async () => {
  const pipeline = redis.pipeline();
  pipeline.set("p", { a: 1 });
  pipeline.get("p");
  pipeline.hset("ph", { f: "v" });
  pipeline.hgetall("ph");
  pipeline.incr("pn");
  assert.deepEqual(await pipeline.exec(), ["OK", { a: 1 }, 1, { f: "v" }, 1]);
});

test("a pipeline keeps errors beside results", async () => {
  const pipeline = redis.pipeline();
  pipeline.set("p", "text");
  pipeline.incr("p");
  pipeline.get("p");
  const results = await pipeline.exec({ keepErrors: true });
  assert.equal(results[0].result, "OK");
  assert.match(results[1].error, /not an integer/);
  assert.equal(results[2].result, "text");
  await assert.rejects(redis.pipeline().set("p", "text").incr("p").exec(), /not an integer/);
});

test("multi is a transaction", async () => {
  assert.deepEqual(await redis.multi().set("m", 1).incr("m").get("m").exec(), ["OK", 2, 2]);
  const all = await Promise.all(Array.from({ length: 50 }, () => redis.multi().incr("{a}1").incr("{b}2").mget("{a}1", "{b}2").exec()));
  for (const [first, second, both] of all) {
    assert.equal(first, second);
    assert.deepEqual(both, [first, second]);
  }
});

test("errors are thrown with the server's text", async () => {
  await redis.set("text", "text");
  await assert.rejects(redis.incr("text"), /ERR value is not an integer or out of range/);
  await assert.rejects(redis.hget("text", "f"), /WRONGTYPE/);
  await assert.rejects(redis.lpush("text", 1), /unknown command|WRONGTYPE/);
  await assert.rejects(client({ token: "wrong" }).get("text"), /WRONGPASS/);
});

test("scan finds every key", async () => {
  await Promise.all(Array.from({ length: 200 }, (_, i) => redis.set(`scan:${i}`, i)));
  const found = new Set();
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, { match: "scan:*", count: 50 });
    keys.forEach((key) => found.add(key));
    cursor = String(next);
  } while (cursor !== "0");
  assert.equal(found.size, 200);
  assert.equal((await redis.keys("scan:1?")).length, 10);
  assert.ok((await redis.dbsize()) >= 200);
});

test("expiry", async () => {
  await redis.set("e", 1, { px: 1_000_000 });
  assert.ok((await redis.pttl("e")) > 900_000);
  assert.equal(await redis.persist("e"), 1);
  assert.equal(await redis.ttl("e"), -1);
  assert.equal(await redis.expire("e", 50), 1);
  assert.equal(await redis.type("e"), "string");
  assert.equal(await redis.ttl("none"), -2);
});

test("commands at once travel as one pipeline", async () => {
  const automatic = client({ enableAutoPipelining: true });
  // It sends what reads and what writes as two pipelines beside each other.
  await redis.set("auto:read", 2);
  const answers = await Promise.all([automatic.set("auto", 1), automatic.incr("auto"), automatic.get("auto:read"), automatic.hgetall("none")]);
  assert.deepEqual(answers, ["OK", 2, 2, null]);
  assert.ok(automatic.pipelineCounter < answers.length);
});

test("ping, echo, time, rename, exec of any command", async () => {
  assert.equal(await redis.ping(), "PONG");
  assert.equal(await redis.echo("hi"), "hi");
  assert.equal((await redis.time()).length, 2);
  await redis.set("from", 1);
  assert.equal(await redis.rename("from", "to"), "OK");
  assert.equal(await redis.exec(["GET", "to"]), 1);
});

test("subscribe and publish", async () => {
  const subscriber = redis.subscribe(["channel", "other"]);
  const patterns = redis.psubscribe(["chan*"]);
  const messages = [];
  const matches = [];
  const ready = Promise.all([
    new Promise((done) => { let count = 0; subscriber.on("subscribe", () => { if (++count === 2) done(); }); }),
    new Promise((done) => patterns.on("psubscribe", done)),
  ]);
  const received = Promise.all([
    new Promise((done) => subscriber.on("message", (event) => { messages.push(event); if (messages.length === 3) done(); })),
    new Promise((done) => patterns.on("pmessage", (event) => { matches.push(event); if (matches.length === 2) done(); })),
  ]);
  await ready;
  assert.equal(await redis.publish("channel", { a: 1 }), 2);
  assert.equal(await redis.publish("channel", [1, 2]), 2);
  assert.equal(await redis.publish("other", "text"), 1);
  await received;
  assert.deepEqual(messages.map(({ message }) => message).sort(), [{ a: 1 }, [1, 2], "text"].sort());
  assert.deepEqual(matches.map(({ pattern, channel, message }) => [pattern, channel, message]), [["chan*", "channel", { a: 1 }], ["chan*", "channel", [1, 2]]]);
  await Promise.all([subscriber.unsubscribe(), patterns.unsubscribe()]);
});

let failed = 0;
await redis.flushall();
for (const { name, body } of tests) {
  let timer;
  try {
    await Promise.race([body(), new Promise((_, fail) => { timer = setTimeout(() => fail(new Error("took too long")), timeoutMs); })]);
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.stack ?? error}`);
  } finally {
    clearTimeout(timer);
  }
}
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
