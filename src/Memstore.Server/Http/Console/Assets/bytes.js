// Bytes as people read and type them. Keys and values are bytes of anybody's choice: what is shown is made of visible characters only.

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

// Control characters, characters without a picture, and those that turn the direction of text around.
const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/u;
const shortEscapes = new Map([[10, "\\n"], [13, "\\r"], [9, "\\t"], [7, "\\a"], [8, "\\b"]]);

/** The bytes of a text in UTF-8. */
export const toBytes = (text) => encoder.encode(text);

/** A text from bytes that are known to be UTF-8, such as INFO. */
export const toText = (bytes) => typeof bytes === "string" ? bytes : looseDecoder.decode(bytes);

const hex = (byte) => "\\x" + byte.toString(16).padStart(2, "0");

function escapeByte(byte) {
  return shortEscapes.get(byte) ?? hex(byte);
}

/** One line of text: what is UTF-8 and visible stays, other bytes become \n, \x00 …, and a backslash \\. */
export const visible = (bytes) => escaped(bytes, Infinity)[0];

// The text, and how many bytes it has taken: no more than give so many characters.
function escaped(bytes, most) {
  let out = "";
  let i = 0;
  while (i < bytes.length && out.length < most) {
    const length = sequenceLength(bytes, i);
    if (length === 0) {
      out += hex(bytes[i++]);
      continue;
    }
    const text = strictDecoder.decode(bytes.subarray(i, i + length));
    if (text === "\\") out += "\\\\";
    else if (hidden.test(text)) for (let j = 0; j < length; j++) out += escapeByte(bytes[i + j]);
    else out += text;
    i += length;
  }
  return [out, i];
}

/** Lines of text if the bytes are UTF-8 without hidden characters but tabs and line feeds; otherwise null. */
export function asPlainText(bytes) {
  try {
    const text = strictDecoder.decode(bytes);
    return hidden.test(text.replace(/[\n\t]/g, "")) ? null : text;
  } catch {
    return null;
  }
}

/** Characters of a key that a table shows: with four for each byte that has no picture, long ones would fill the view. */
export const nameLength = 120;

/** visible, but about so many characters of it, and of bytes that are the beginning of more. */
export function visibleStart(bytes, most = 400, length = bytes.length) {
  const [text, end] = escaped(bytes, most);
  return end < length ? `${text}… (${length} bytes)` : text;
}

// How many bytes the character at a place has, 0 if they are not UTF-8.
function sequenceLength(bytes, at) {
  const first = bytes[at];
  const length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length <= 1) return length;
  if (at + length > bytes.length) return 0;
  try {
    strictDecoder.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** In double quotes, with every byte but visible ASCII escaped: what redis-cli prints, and what splitLine reads. */
export function quoted(bytes) {
  let out = '"';
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) out += "\\" + String.fromCharCode(byte);
    else if (byte >= 0x20 && byte < 0x7f) out += String.fromCharCode(byte);
    else out += escapeByte(byte);
  }
  return out + '"';
}

/** Offsets, bytes and characters, sixteen to a line. */
export function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const codes = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·").join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${codes.padEnd(47)}  ${letters}`);
  }
  return lines.join("\n");
}

/** Bytes in Base64. */
export function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x2000) text += String.fromCharCode(...bytes.subarray(i, i + 0x2000));
  return btoa(text);
}

const letterBytes = new Map([["n", 10], ["r", 13], ["t", 9], ["b", 8], ["a", 7]]);

/**
 * The arguments of a line, as redis-cli reads it: "double quotes" with \n and \xff, 'single quotes' with \' only.
 * Null if a quote is not closed or something follows it.
 */
export function splitLine(line) {
  const args = [];
  let at = 0;
  while (true) {
    while (at < line.length && /\s/.test(line[at])) at++;
    if (at >= line.length) return args;
    const parts = [];
    while (at < line.length && !/\s/.test(line[at])) {
      if (line[at] === '"' || line[at] === "'") {
        const end = line[at] === '"' ? readDouble(line, at + 1, parts) : readSingle(line, at + 1, parts);
        if (end < 0 || (end < line.length && !/\s/.test(line[end]))) return null;
        at = end;
      } else {
        const character = String.fromCodePoint(line.codePointAt(at));
        parts.push(...toBytes(character));
        at += character.length;
      }
    }
    args.push(Uint8Array.from(parts));
  }
}

function readDouble(line, at, parts) {
  while (at < line.length) {
    const character = String.fromCodePoint(line.codePointAt(at));
    if (character === '"') return at + 1;
    if (character === "\\" && at + 1 < line.length) {
      const code = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(at, at + 4));
      if (code) {
        parts.push(parseInt(code[1], 16));
        at += 4;
        continue;
      }
      const next = String.fromCodePoint(line.codePointAt(at + 1));
      parts.push(...(letterBytes.has(next) ? [letterBytes.get(next)] : toBytes(next)));
      at += 1 + next.length;
      continue;
    }
    parts.push(...toBytes(character));
    at += character.length;
  }
  return -1;
}

function readSingle(line, at, parts) {
  while (at < line.length) {
    const character = String.fromCodePoint(line.codePointAt(at));
    if (character === "'") return at + 1;
    if (line.startsWith("\\'", at)) {
      parts.push(0x27);
      at += 2;
      continue;
    }
    parts.push(...toBytes(character));
    at += character.length;
  }
  return -1;
}
