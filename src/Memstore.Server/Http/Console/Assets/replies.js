// Replies as redis-cli prints them.
import { quoted, toText } from "./bytes.js";
import { count } from "./format.js";
import { ReplyError, Status } from "./server.js";

const lengthMax = 200_000;

// Commands whose answer is text for people, with lines of its own.
const texts = new Set(["INFO", "LOLWUT", "CLUSTER NODES", "CLUSTER INFO", "CLIENT LIST", "CLIENT INFO", "MEMORY DOCTOR", "MEMORY MALLOC-STATS", "LATENCY GRAPH", "LATENCY DOCTOR"]);

/** The text of a reply to a command; of a very long one its beginning. */
export function render(reply, name, subcommand) {
  const isText = reply instanceof Uint8Array && (texts.has(name) || texts.has(`${name} ${subcommand}`));
  const text = isText ? toText(reply).replaceAll("\r\n", "\n") : format(reply, "", lengthMax);
  if (text.length <= lengthMax) return text;
  const whole = reply instanceof Uint8Array ? `${count(reply.length)} bytes` : `${count(reply.length)} elements`;
  return `${text.slice(0, lengthMax)}\n… the beginning of ${whole}`;
}

// What is longer than a limit is not made: a million elements would keep the browser busy for half a minute.
function format(reply, indent, limit) {
  if (reply === null) return "(nil)";
  if (reply instanceof Status) return reply.text;
  if (reply instanceof ReplyError) return `(error) ${reply.text}`;
  if (reply instanceof Uint8Array) return quoted(reply.length > limit ? reply.subarray(0, limit) : reply);
  if (!Array.isArray(reply)) return `(integer) ${reply}`;
  if (reply.length === 0) return "(empty array)";
  const width = String(reply.length).length;
  const deeper = indent + " ".repeat(width + 2);
  let text = "";
  for (let i = 0; i < reply.length && text.length <= limit; i++)
    text += `${i === 0 ? "" : "\n" + indent}${String(i + 1).padStart(width)}) ${format(reply[i], deeper, limit - text.length)}`;
  return text;
}
