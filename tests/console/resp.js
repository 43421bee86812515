// A client of RESP in a few lines, so that figures are compared with what another door of the server says.
import { createConnection } from "node:net";

/** Connects; the function that it gives runs a command and gives its reply: Buffer, number, null, array; errors are thrown. */
export async function connect(port) {
  const socket = createConnection(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const waiting = [];
  let bytes = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (data) => {
    bytes = Buffer.concat([bytes, data]);
    while (waiting.length > 0) {
      const read = take(bytes, 0);
      if (!read) return;
      bytes = bytes.subarray(read.end);
      const { resolve, reject } = waiting.shift();
      if (read.value instanceof Error) reject(read.value);
      else resolve(read.value);
    }
  });
  const run = (...words) => new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    const parts = [Buffer.from(`*${words.length}\r\n`)];
    for (const word of words) {
      const argument = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
      parts.push(Buffer.from(`$${argument.length}\r\n`), argument, Buffer.from("\r\n"));
    }
    socket.write(Buffer.concat(parts));
  });
  run.close = () => socket.destroy();
  run.closed = new Promise((resolve) => socket.once("close", resolve));
  return run;
}

// One reply from a place on, or nothing if it is not all there.
function take(bytes, at) {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return null;
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const type = String.fromCharCode(bytes[at]);
  let end = lineEnd + 2;
  if (type === "+") return { value: line, end };
  if (type === "-") return { value: new Error(line), end };
  if (type === ":") return { value: Number(line), end };
  const count = Number(line);
  if (count < 0) return { value: null, end };
  if (type === "$") return bytes.length < end + count + 2 ? null : { value: bytes.subarray(end, end + count), end: end + count + 2 };
  const items = [];
  for (let i = 0; i < count; i++) {
    const item = take(bytes, end);
    if (!item) return null;
    items.push(item.value);
    end = item.end;
  }
  return { value: items, end };
}
