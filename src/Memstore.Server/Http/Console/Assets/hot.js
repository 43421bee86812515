// Keys that are used most, and keys that occupy most.
import { nameLength, toBase64, visibleStart } from "./bytes.js";
import { byId } from "./dom.js";
import * as format from "./format.js";
import { ReplyError, toObject } from "./server.js";
import { Table } from "./table.js";

const shown = 20;

/** The key of a row; the server keeps the beginning of a long one, with its length. */
const nameOf = (row) => visibleStart(row.key, nameLength, row["key-length"]) || "(empty)";

// Keys that begin alike may look alike.
const rowOf = (row) => `${row.database} ${row.slot} ${row["key-length"]} ${toBase64(row.key)}`;

/** The view. */
export class Hot {
  constructor(openKey) {
    const open = (row) => row["key-length"] > row.key.length ? undefined : openKey(row.database, row.key);
    const common = [
      { id: "key", title: "Key", code: true, wide: true, text: nameOf },
      { id: "db", title: "Db", number: true, text: (row) => String(row.database) },
    ];
    const place = [
      { id: "slot", title: "Slot", number: true, text: (row) => String(row.slot) },
      { id: "shard", title: "Shard", number: true, text: (row) => String(row.shard) },
    ];
    this.hot = new Table(byId("hot-table"), [
      ...common,
      { id: "share", title: "Share", number: true, text: (row) => format.percent(Number(row.share)), bar: (row) => row.bar },
      { id: "commands", title: "Commands/s", number: true, text: (row) => format.rate(Number(row["commands-per-second"])) },
      { id: "bytes", title: "Bytes/s", number: true, text: (row) => format.bytes(Number(row["bytes-per-second"])) },
      { id: "cpu", title: "Processor", number: true, text: (row) => format.micros(Number(row["cpu-us-per-second"])) + "/s" },
      ...place,
    ], { label: "Hot keys", key: rowOf, onopen: open, empty: "No key was used in the last half minute." });
    this.big = new Table(byId("big-table"), [
      ...common,
      { id: "type", title: "Type", text: (row) => row.type },
      { id: "bytes", title: "Memory", number: true, text: (row) => format.bytes(row.bytes), bar: (row) => row.bar, hover: (row) => `${format.count(row.bytes)} bytes` },
      { id: "elements", title: "Elements", number: true, text: (row) => format.count(row.elements) },
      ...place,
    ], { label: "Big keys", key: rowOf, onopen: open, empty: "The scan in the background has found no key yet." });
  }

  commands() {
    const by = byId("hot-by").querySelector("input:checked").value;
    return [["HOTKEYS", "COUNT", shown, "BY", by], ["BIGKEYS", "COUNT", shown]];
  }

  update([hot, big]) {
    if (hot instanceof ReplyError || big instanceof ReplyError) return;
    this.hot.update(withBars(hot, (row) => Number(row.share)));
    this.big.update(withBars(big, (row) => row.bytes));
  }
}

// The longest bar is that of the greatest.
function withBars(reply, measure) {
  const rows = reply.map((one) => toObject(one, "key"));
  const most = Math.max(...rows.map(measure));
  return rows.map((row) => ({ ...row, bar: most > 0 ? measure(row) / most : 0 }));
}
