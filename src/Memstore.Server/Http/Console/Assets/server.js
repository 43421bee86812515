// The server behind the page: commands go out with POST /v1/pipeline, their replies come back as RESP, so that no type and no byte is lost.
import { toBase64, toBytes, toText } from "./bytes.js";

const url = new URL("../v1/pipeline", import.meta.url);
const credentialsKey = "memstore.authorization";

/** A reply like OK, which is not a string. */
export class Status {
  constructor(text) { this.text = text; }
}

/** A reply that says what is wrong. */
export class ReplyError {
  constructor(text) { this.text = text; }
}

/** The server wants a password, or another one. */
export class PasswordNeeded extends Error {}

/** The server did not answer, or answered something else than replies. */
export class ServerGone extends Error {}

/** Keeps a password for as long as the tab is open. */
export function rememberPassword(password) {
  sessionStorage.setItem(credentialsKey, "Basic " + toBase64(toBytes("default:" + password)));
}

/** Forgets the password. */
export function forgetPassword() {
  sessionStorage.removeItem(credentialsKey);
}

/** Whether a password is remembered. */
export const hasPassword = () => sessionStorage.getItem(credentialsKey) !== null;

/**
 * Runs commands in one request and gives their replies in order: Status, ReplyError, number (bigint where it has to be), Uint8Array, null, array.
 * An argument is a string, a number or a Uint8Array.
 */
export async function ask(commands, { database = 0, timeoutMs = 8000 } = {}) {
  const body = JSON.stringify(commands.map((command) => command.map((argument) => argument instanceof Uint8Array ? { base64: toBase64(argument) } : argument)));
  const headers = { "Content-Type": "application/json", "Accept": "application/x-resp" };
  if (database) headers["Memstore-Database"] = String(database);
  if (hasPassword()) headers.Authorization = sessionStorage.getItem(credentialsKey);

  let response;
  let bytes;
  try {
    // Without credentials of its own the browser does not ask for a password with a window of its own.
    response = await fetch(url, { method: "POST", body, headers, credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new ServerGone(error.name === "TimeoutError" ? `no answer in ${timeoutMs / 1000} s` : "no connection");
  }
  if (response.status === 401) throw new PasswordNeeded();
  if (!response.ok) throw new ServerGone(problemOf(response.status, bytes));
  const reader = new Replies(bytes);
  const replies = [];
  while (!reader.isEmpty) replies.push(reader.take());
  if (replies.length !== commands.length) throw new ServerGone("an answer that is not complete");
  return replies;
}

// {"title":…,"detail":…} as RFC 9457 has it.
function problemOf(status, bytes) {
  try {
    return JSON.parse(toText(bytes)).detail ?? `HTTP ${status}`;
  } catch {
    return `HTTP ${status}`;
  }
}

// Reads RESP2.
class Replies {
  #bytes;
  #at = 0;

  constructor(bytes) { this.#bytes = bytes; }

  get isEmpty() { return this.#at >= this.#bytes.length; }

  take() {
    const type = String.fromCharCode(this.#bytes[this.#at++]);
    const line = this.#line();
    switch (type) {
      case "+": return new Status(line);
      case "-": return new ReplyError(line);
      case ":": return integer(line);
      case "$": return this.#string(Number(line));
      case "*": return this.#array(Number(line));
      default: throw new ServerGone("an answer that is not RESP");
    }
  }

  #line() {
    const end = this.#bytes.indexOf(13, this.#at);
    if (end < 0) throw new ServerGone("an answer that is not complete");
    const line = toText(this.#bytes.subarray(this.#at, end));
    this.#at = end + 2;
    return line;
  }

  #string(length) {
    if (length < 0) return null;
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length + 2;
    return bytes;
  }

  #array(count) {
    if (count < 0) return null;
    const items = [];
    for (let i = 0; i < count; i++) items.push(this.take());
    return items;
  }
}

function integer(text) {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** The lines name:value of INFO as an object of texts. */
export function parseInfo(bytes) {
  const info = {};
  for (const line of toText(bytes).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && line[0] !== "#") info[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return info;
}

/** The pairs a=1,b=2 of a line of INFO as an object of numbers. */
export function parseFields(text) {
  const fields = {};
  for (const pair of text.split(",")) {
    const equals = pair.indexOf("=");
    fields[pair.slice(0, equals)] = Number(pair.slice(equals + 1));
  }
  return fields;
}

/** Names and values in turn as an object; strings become texts if the name is not among those to keep as bytes. */
export function toObject(flat, ...keepBytes) {
  const object = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = textOf(flat[i]);
    object[name] = flat[i + 1] instanceof Uint8Array && !keepBytes.includes(name) ? toText(flat[i + 1]) : flat[i + 1];
  }
  return object;
}

/** The text of a string or a status. */
export const textOf = (reply) => reply instanceof Uint8Array ? toText(reply) : reply instanceof Status || reply instanceof ReplyError ? reply.text : String(reply);
