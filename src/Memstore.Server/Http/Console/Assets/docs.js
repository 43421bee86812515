// What COMMAND DOCS says, as lines of usage.
import { textOf, toObject } from "./server.js";

/** All commands by name in capitals, subcommands as CLIENT KILL: { name, summary, since, group, complexity, usage }. */
export function readDocs(reply) {
  const docs = new Map();
  collect(reply, docs);
  return new Map([...docs].sort(([a], [b]) => a < b ? -1 : 1));
}

function collect(reply, docs) {
  for (let i = 0; i < reply.length; i += 2) {
    const name = textOf(reply[i]).replace("|", " ").toUpperCase();
    const doc = toObject(reply[i + 1]);
    docs.set(name, { ...doc, name, usage: [name, ...(doc.arguments ?? []).map(usageOf)].join(" ") });
    if (doc.subcommands) collect(doc.subcommands, docs);
  }
}

// key [NX | XX] [EX seconds | PX milliseconds] [field value [field value ...]]
function usageOf(reply) {
  const argument = toObject(reply);
  const flags = (argument.flags ?? []).map(textOf);
  const isOptional = flags.includes("optional");
  let text = bare(argument, isOptional);
  if (flags.includes("multiple")) text += flags.includes("multiple_token") ? ` [${text} ...]` : ` [${withoutToken(argument, isOptional)} ...]`;
  return isOptional ? `[${text}]` : text;
}

function bare(argument, isOptional) {
  if (argument.type === "pure-token") return argument.token;
  const inner = withoutToken(argument, isOptional && !argument.token);
  return argument.token ? `${argument.token || '""'} ${inner}` : inner;
}

function withoutToken(argument, isBracketed) {
  const parts = (argument.arguments ?? []).map(usageOf);
  if (argument.type === "oneof") return isBracketed ? parts.join(" | ") : `<${parts.join(" | ")}>`;
  if (argument.type === "block") return parts.join(" ");
  return argument.display_text ?? argument.name;
}
