// Replies as redis-cli prints them.
import { quoted, toText } from "./bytes.js";
import { ReplyError, Status } from "./server.js";

const lengthMax = 200_000;

// Commands whose answer is text for people, with lines of its own.
const texts = new Set(["INFO", "LOLWUT", "CLUSTER NODES", "CLUSTER INFO", "CLIENT LIST", "CLIENT INFO", "MEMORY DOCTOR", "MEMORY MALLOC-STATS", "LATENCY GRAPH", "LATENCY DOCTOR"]);

/** The text of a reply to a command. */
export function render(reply, name, subcommand) {
  const isText = reply instanceof Uint8Array && (texts.has(name) || texts.has(`${name} ${subcommand}`));
  const text = isText ? toText(reply).replaceAll("\r\n", "\n") : format(reply, "");
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}\n… ${text.length - lengthMax} more characters` : text;
}

function format(reply, indent) {
  if (reply === null) return "(nil)";
  if (reply instanceof Status) return reply.text;
  if (reply instanceof ReplyError) return `(error) ${reply.text}`;
  if (reply instanceof Uint8Array) return quoted(reply);
  if (!Array.isArray(reply)) return `(integer) ${reply}`;
  if (reply.length === 0) return "(empty array)";
  const width = String(reply.length).length;
  const deeper = indent + " ".repeat(width + 2);
  return reply.map((item, i) => `${i === 0 ? "" : indent}${String(i + 1).padStart(width)}) ${format(item, deeper)}`).join("\n");
}
