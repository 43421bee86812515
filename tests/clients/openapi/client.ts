// A client whose calls, parameters and answers are checked by the types that were generated from the document.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./build/schema.js";

// The generator leaves out what may follow a tuple, so SET with options is a command like any other to it.
type Command = components["schemas"]["Command"];
type HSetNx = components["schemas"]["Command.HSETNX"];

export async function run(url: string, token: string): Promise<void> {
  const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

  const command: Command = ["SET", "generated", "value", "EX", 60];
  const set = await api.POST("/v1/commands", { body: command });
  assert.deepEqual(set.data, { result: "OK" });

  const fixed: HSetNx = ["HSETNX", "generated:hash", "field", 1];
  assert.deepEqual((await api.POST("/v1/commands", { body: fixed })).data, { result: 1 });

  const executed = await api.POST("/v1/execute", { body: { commands: [{ cmd_type: "GET", key: "generated" }] } });
  assert.deepEqual(executed.data?.results, ["value"]);

  const several = await api.POST("/v1/transaction", { body: [["INCR", "count"], ["INCR", "count"]] });
  assert.deepEqual(several.data, [{ result: 1 }, { result: 2 }]);

  const put = await api.PUT("/v1/keys/{key}", {
    params: { path: { key: "a/b" }, query: { ex: 60 }, header: { "If-None-Match": "*" } },
    body: "text", bodySerializer: (body: string) => body, headers: { "Content-Type": "application/octet-stream" },
  });
  assert.equal(put.response.status, 201);
  const got = await api.GET("/v1/keys/{key}", { params: { path: { key: "a/b" } }, parseAs: "text" });
  assert.equal(got.data, "text");
  const missing = await api.GET("/v1/keys/{key}", { params: { path: { key: "none" } } });
  assert.equal((missing.error as components["schemas"]["Problem"]).status, 404);

  const keys = await api.GET("/v1/keys", { params: { query: { match: "a/*", cursor: "0", count: 1000 } } });
  assert.deepEqual(keys.data?.keys, ["a/b"]);

  const begun = await api.POST("/v1/transactions", {});
  const id = begun.data!.id;
  await api.POST("/v1/transactions/{id}/commands", { params: { path: { id } }, body: ["SET", "generated", "changed"] });
  const committed = await api.POST("/v1/transactions/{id}/commit", { params: { path: { id } } });
  assert.equal(committed.response.status, 200);
  const again = await api.POST("/v1/transactions/{id}/commit", { params: { path: { id } } });
  assert.equal(again.response.status, 404);
}
