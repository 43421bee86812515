// Good and bad requests to every operation of the document; each answer must have a status, a media type and a body that the document names.
import Ajv from "ajv/dist/2020.js";

const commands = [
  `["PING"]`, `["SET","k","v"]`, `["SET","k","v","EX",60]`, `["SET","k",{"base64":"/w=="}]`, `["GET","k"]`, `["GET","none"]`, `["HSET","h","f","v"]`, `["HGETALL","h"]`, `["INCR","k"]`,
  `["SCAN","0"]`, `["CLIENT","LIST"]`, `["COMMAND","DOCS","get"]`, `["CONFIG","GET","*"]`, `["MULTI"]`, `["EXEC"]`, `["QUIT"]`,
  `["NOPE"]`, `["GET"]`, `["SUBSCRIBE","a"]`, `["HELLO",3]`, `[["PING"]]`, `["GET",null]`, `[]`, `{}`, `{`, ``,
];
const lists = [`[]`, `[["PING"]]`, `[["SET","k","v"],["INCR","k"],["GET"]]`, `[["NOPE"]]`, `[["SUBSCRIBE","a"]]`, `[["QUIT"],["PING"]]`, `["PING"]`, `[[]]`, ``];
const executions = [
  `{"commands":[]}`, `{"commands":[{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"GET","key":"k"},{"cmd_type":"INCR","key":"k"},{"cmd_type":"HGETALL","key":"h"}]}`,
  `{"commands":[{"cmd_type":"NOPE"}]}`, `{"commands":{}}`, `{}`, ``,
];
const conditions = [{}, { "If-Match": "*" }, { "If-Match": `"x"` }, { "If-None-Match": "*" }, { "If-None-Match": `"x"` }, { "If-Match": "bare" }, { "Memstore-Database": "99" }, { "Content-Range": "bytes 0-1/2" }];

/** What differs, a line each. */
export async function differences(url, token, document) {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "document", components: document.components });
  const compiled = new Map();
  const validatorOf = (schema) => {
    const text = JSON.stringify(schema).replaceAll(`"#/components`, `"document#/components`);
    if (!compiled.has(text)) compiled.set(text, ajv.compile(JSON.parse(text)));
    return compiled.get(text);
  };
  const found = [];
  const asked = new Set();

  const send = (method, path, body, headers) => fetch(url + path, { method, body, headers: { Authorization: `Bearer ${token}`, ...headers } });
  async function ask(method, template, path, body, headers = {}) {
    const operation = document.paths[template][method.toLowerCase()];
    asked.add(operation.operationId);
    const response = await send(method, path, body, headers);
    const type = response.headers.get("Content-Type")?.split(";")[0];
    const text = type === "text/event-stream" ? await response.body.cancel() : await response.text();
    const differs = (what) => found.push(`${method} ${path} ${JSON.stringify(headers)} ${body ?? ""}: ${response.status} ${type} ${what}: ${text?.slice(0, 200)}`);
    const answer = operation.responses[response.status] ?? operation.responses.default;
    if (response.status < 400 && operation.responses[response.status] === undefined) differs("is not documented");
    if (method === "HEAD") return text;
    if (answer.content === undefined) {
      if (text !== "") differs("has a body");
      return text;
    }
    const media = answer.content[type] ?? answer.content["*/*"];
    if (media === undefined) differs("is of another type");
    else if (media === answer.content[type] && type.endsWith("json")) {
      const validate = validatorOf(media.schema);
      if (!validate(JSON.parse(text))) differs(ajv.errorsText(validate.errors));
    }
    return text;
  }

  for (const path of ["/", "/v1/commands"]) for (const body of commands) await ask("POST", path, path, body);
  for (const path of ["/pipeline", "/v1/pipeline", "/multi-exec", "/v1/transaction"]) for (const body of lists) await ask("POST", path, path, body);
  for (const path of ["/pipeline", "/v1/pipeline"]) await ask("POST", path, path, lists[1], { Accept: "application/x-resp" });
  for (const headers of [{ "Content-Encoding": "gzip" }, { "Memstore-Durability": "some" }, { "Upstash-Encoding": "base64" }]) await ask("POST", "/", "/", commands[0], headers);
  for (const body of executions) await ask("POST", "/v1/execute", "/v1/execute", body);

  const key = "/v1/keys/{key}";
  for (const method of ["GET", "HEAD", "PUT", "DELETE"])
    for (const headers of conditions)
      for (const name of ["k", "h", "none", "k?ex=60", "k?ex=0", "k?encoding=hex", "a%2F..%2Fb"]) {
        await send("POST", "/pipeline", `[["SET","k","v"],["DEL","h","none"],["HSET","h","f","v"]]`);
        await ask(method, key, `/v1/keys/${name}`, method === "PUT" ? "value" : undefined, headers);
      }
  for (const method of ["GET", "HEAD"])
    for (const query of ["", "?match=*&count=10", "?type=hash&encoding=base64url", "?cursor=x", "?count=0", "?encoding=hex"]) await ask(method, "/v1/keys", `/v1/keys${query}`);

  const open = "/v1/transactions";
  const begin = async () => JSON.parse(await ask("POST", open, open)).id;
  const use = (method, id, rest, body) => ask(method, `${open}/{id}${rest}`, `${open}/${id}${rest}`, body);
  for (const body of [`{"readonly":true}`, `{}`, `[]`, `{"readonly":1}`]) {
    const text = await ask("POST", open, open, body);
    if (text.includes(`"id"`)) await use("DELETE", JSON.parse(text).id, "");
  }
  const id = await begin();
  for (const body of [...commands, ...lists]) await use("POST", id, "/commands", body);
  for (let i = 0; i < 2; i++) await use("POST", id, "/commit");
  const late = await begin();
  await use("POST", late, "/commands", `["INCR","n"]`);
  await send("POST", "/", `["SET","n","5"]`);
  await use("POST", late, "/commit");
  for (const [method, rest] of [["POST", "/rollback"], ["DELETE", ""]]) {
    const other = await begin();
    for (let i = 0; i < 2; i++) await use(method, other, rest);
  }
  await use("POST", "none", "/commands", commands[0]);

  for (const path of ["/v1/subscribe?channel=a", "/v1/subscribe", "/v1/monitor"]) await ask("GET", path.split("?")[0], path);
  for (const path of ["/subscribe/{name}", "/psubscribe/{name}"]) for (const method of ["GET", "POST"]) await ask(method, path, path.replace("{name}", "a"));

  const operations = Object.values(document.paths).flatMap((path) => Object.values(path)).map((operation) => operation.operationId);
  return [...found, ...operations.filter((operation) => !asked.has(operation)).map((operation) => `${operation} was not asked`)];
}
