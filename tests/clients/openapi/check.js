// The OpenAPI document of a running server, and a client that is generated from it: node check.js [host:port] with the port of REST
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTS, { astToString } from "openapi-typescript";
import { differences } from "./contract.js";

const url = `http://${process.argv[2] ?? "127.0.0.1:8080"}`;
const token = process.env.MEMSTORE_TOKEN ?? "secret";
let passed = 0;
const check = async (name, body) => {
  await body();
  passed++;
  console.log(`ok ${name}`);
};

try {
  const response = await fetch(`${url}/openapi.json`, { headers: { Authorization: `Bearer ${token}` } });
  const document = await response.json();
  await check("the document is valid", async () => {
    const result = await new Validator().validate(structuredClone(document));
    assert.equal(result.valid, true, JSON.stringify(result, null, 2).slice(0, 4000));
  });
  await check("what is answered is what the document says", async () => assert.deepEqual(await differences(url, token, document), []));
  await check("types are generated from it, and a program against them compiles", async () => {
    mkdirSync("build", { recursive: true });
    writeFileSync("build/schema.d.ts", astToString(await openapiTS(document)));
    execFileSync("node_modules/.bin/tsc", ["-p", "."], { stdio: "inherit" });
  });
  await check("the generated client works", async () => (await import("./build/client.js")).run(url, token));
  console.log(`${passed} passed, 0 failed`);
} catch (error) {
  console.log(error.stack ?? error);
  console.log(`${passed} passed, 1 failed`);
  process.exitCode = 1;
}
