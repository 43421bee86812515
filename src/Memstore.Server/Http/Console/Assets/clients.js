// Who is connected.
import { announce, byId, confirm } from "./dom.js";
import * as format from "./format.js";
import { ask, ReplyError, textOf } from "./server.js";
import { Table } from "./table.js";

/** The view. */
export class Clients {
  constructor(guard) {
    this.guard = guard;
    const number = (id, title, name, show = format.count) => ({ id, title, number: true, text: (row) => show(Number(row[name])), sort: (row) => Number(row[name]) });
    this.table = new Table(byId("client-table"), [
      number("id", "Id", "id", String),
      { id: "addr", title: "Address", code: true, text: (row) => row.addr },
      { id: "via", title: "Over", text: (row) => row.via },
      { id: "name", title: "Name", text: (row) => row.name || "–" },
      { id: "cmd", title: "Last command", code: true, text: (row) => (row.cmd ?? "").replace("|", " ") },
      number("age", "Connected", "age", format.seconds),
      number("idle", "Idle", "idle", format.seconds),
      number("db", "Db", "db", String),
      { id: "flags", title: "Flags", text: (row) => row.flags },
      number("in", "Input", "qbuf", format.bytes),
      number("out", "Output", "omem", format.bytes),
      number("mem", "Memory", "tot-mem", format.bytes),
    ], {
      label: "Clients", key: (row) => row.id, sort: { id: "id", down: false },
      actions: [{ title: "Kill …", run: (row) => this.#kill(row) }], ondelete: (row) => this.#kill(row),
    });
  }

  commands() { return [["CLIENT", "LIST"]]; }

  update([list]) {
    if (list instanceof ReplyError) return;
    const clients = textOf(list).trimEnd().split("\n").map(parseClient);
    byId("client-count").textContent = `${format.count(clients.length)} ${clients.length === 1 ? "client" : "clients"}`;
    this.table.update(clients);
  }

  async #kill(row) {
    if (!await confirm("Disconnect this client?", `id ${row.id}, ${row.addr}${row.name ? `, ${row.name}` : ""}`, "Disconnect")) return;
    await this.guard(async () => {
      const [reply] = await ask([["CLIENT", "KILL", "ID", row.id]]);
      announce(reply instanceof ReplyError ? reply.text : reply === 1 ? `Disconnected client ${row.id}` : `Client ${row.id} had already gone`);
    });
  }
}

// id=3 addr=127.0.0.1:50100 …; names have no spaces.
function parseClient(line) {
  const client = {};
  for (const pair of line.split(" ")) {
    const equals = pair.indexOf("=");
    client[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  client.via = client.fd === "-1" ? "HTTP" : "RESP";
  return client;
}
