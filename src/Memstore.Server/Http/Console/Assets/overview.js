// The state of the server at a glance.
import { Chart } from "./chart.js";
import { byId, element, setText } from "./dom.js";
import * as format from "./format.js";
import { Table } from "./table.js";

// [what, name in INFO]; all of them are part of the resident memory.
const owners = [
  ["Records", "memory_records"],
  ["Indexes", "memory_indexes"],
  ["Trees of large collections", "memory_trees"],
  ["Deadlines", "memory_deadlines"],
  ["Waiting to be freed", "memory_waiting"],
  ["Free chunks", "memory_free"],
  ["Databases", "memory_databases"],
  ["Commit queues", "memory_queues"],
  ["Page tables", "memory_page_tables"],
  ["Hot-key sketches", "memory_hot_keys"],
  ["Big-key lists", "memory_big_keys"],
  ["Client buffers", "mem_clients_normal"],
  ["Journal buffer", "mem_aof_buffer"],
  ["Managed heap", "managed_heap_bytes"],
];

const tileNames = ["Commands/s", "Latency p99", "Memory", "Keys", "Clients", "Hits", "Uptime"];

/** The view. */
export class Overview {
  #tiles = new Map();
  #facts = new Map();
  #current = new Set();

  constructor() {
    for (const name of tileNames) {
      const value = element("dd");
      const more = element("dd", { class: "more" });
      byId("tiles").append(element("div", { "data-tile": name }, element("dt", { text: name }), value, more));
      this.#tiles.set(name, [value, more]);
    }
    this.charts = [
      new Chart(byId("chart-commands"), [{ name: "commands", title: "all" }], { title: "Commands a second", format: format.rate }),
      new Chart(byId("chart-latency"), [{ name: "p50", title: "p50" }, { name: "p99", title: "p99" }, { name: "p999", title: "p99.9" }], { title: "Latency of commands", format: format.micros, log: true }),
      new Chart(byId("chart-memory"), [{ name: "used", title: "data" }, { name: "resident", title: "resident" }], { title: "Memory", format: format.bytes, binary: true }),
      new Chart(byId("chart-network"), [{ name: "input", title: "in" }, { name: "output", title: "out" }], { title: "Network, bytes a second", format: (value) => format.bytes(value) + "/s", axis: format.bytes, binary: true }),
    ];
    this.owners = new Table(byId("owners"), [
      { id: "owner", title: "Owner", wide: true, text: (row) => row.title },
      { id: "bytes", title: "Memory", number: true, text: (row) => format.bytes(row.bytes), hover: (row) => `${format.count(row.bytes)} bytes` },
      { id: "part", title: "Of resident", number: true, text: (row) => format.percent(row.part), bar: (row) => row.part },
    ], { label: "Memory by owner", key: (row) => row.title });
    this.commandTable = new Table(byId("commands"), [
      { id: "name", title: "Command", code: true, text: (row) => row.name.replace("|", " ") },
      { id: "rate", title: "Calls/s", number: true, text: (row) => format.rate(row.callsPerSecond), sort: (row) => row.callsPerSecond },
      { id: "calls", title: "Calls", number: true, text: (row) => format.count(row.calls), sort: (row) => row.calls },
      { id: "mean", title: "Mean", number: true, text: (row) => format.micros(row.mean), sort: (row) => row.mean },
      { id: "p50", title: "p50", number: true, text: (row) => format.micros(row.p50), sort: (row) => row.p50 },
      { id: "p99", title: "p99", number: true, text: (row) => format.micros(row.p99), sort: (row) => row.p99 },
      { id: "p999", title: "p99.9", number: true, text: (row) => format.micros(row.p999), sort: (row) => row.p999 },
      { id: "errors", title: "Errors", number: true, text: (row) => format.count(row.errors), sort: (row) => row.errors, mark: (row) => row.errors > 0 },
    ], { label: "Commands", key: (row) => row.name, sort: { id: "calls", down: true }, empty: "No command was run yet." });
  }

  commands() { return []; }

  update(_, figures) {
    this.#showTiles(figures);
    for (const chart of this.charts) chart.update(figures.history);
    const resident = figures.number("used_memory_rss");
    const rows = owners
      .map(([title, name]) => ({ title, bytes: figures.number(name) }))
      .filter((row) => row.bytes > 0)
      .sort((a, b) => b.bytes - a.bytes);
    const rest = resident - rows.reduce((sum, row) => sum + row.bytes, 0);
    if (rest > 0) rows.push({ title: "Rest: program, code, stacks", bytes: rest });
    for (const row of rows) row.part = row.bytes / resident;
    this.owners.update(rows);
    this.commandTable.update(figures.commands);
    this.#showFacts(figures);
  }

  #showTiles(figures) {
    const { newest, info } = figures;
    const { keys, expires } = figures.keys;
    const limit = figures.number("maxmemory");
    this.#tile("Commands/s", format.rate(newest.commands ?? NaN), `${format.short(figures.number("total_commands_processed"))} in all`);
    this.#tile("Latency p99", newest.p99 ? "≤ " + format.micros(newest.p99) : "–", newest.p999 ? `p99.9 ≤ ${format.micros(newest.p999)}` : "");
    this.#tile("Memory", format.bytes(newest.used), limit > 0 ? `of ${format.bytes(limit)}` : `${format.bytes(newest.resident)} resident`);
    this.#tile("Keys", format.short(keys), `${format.short(expires)} with a deadline`);
    this.#tile("Clients", format.count(figures.number("connected_clients")), `${format.count(figures.number("blocked_clients"))} blocked`);
    this.#tile("Hits", format.percent(newest.hitRatio ?? NaN), "of reads");
    this.#tile("Uptime", format.seconds(figures.number("uptime_in_seconds")), `${info.shards} ${info.shards === "1" ? "shard" : "shards"}, ${info.transport}`);
  }

  #tile(name, value, more) {
    const [first, second] = this.#tiles.get(name);
    setText(first, value);
    setText(second, more);
  }

  #showFacts(figures) {
    const number = (name) => figures.number(name);
    const when = (unixMs) => unixMs > 0 ? format.dateTime(unixMs) : "never";
    const now = number("server_time_usec") / 1000;
    const saving = number("rdb_bgsave_in_progress") === 1;
    this.#current.clear();
    this.#fact("Journal", number("aof_enabled") === 1 ? "on" : "off: memory only");
    if (number("aof_enabled") === 1) {
      this.#fact("Last write", figures.info.aof_last_write_status, figures.info.aof_last_write_status !== "ok");
      this.#fact("Journal size", format.bytes(number("aof_current_size")));
      this.#fact("Not yet on disk", `${format.count(number("journal_last_sequence") - number("journal_durable_sequence"))} transactions`);
      this.#fact("Syncs", format.count(number("journal_syncs")));
      this.#fact("Last sync", number("journal_last_sync_unix_ms") > 0 ? `${format.micros(number("journal_last_sync_us"))}, ${format.timeOfDay(number("journal_last_sync_unix_ms"))}` : "none");
      this.#fact("Delayed syncs", format.count(number("aof_delayed_fsync")));
      this.#fact("Journal error", figures.info.journal_last_error || "none", Boolean(figures.info.journal_last_error));
    }
    this.#fact("Last image", number("rdb_last_bgsave_time_sec") >= 0 ? when(number("rdb_last_save_time") * 1000) : "none in this run");
    this.#fact("Image state", saving ? `being written, ${format.seconds(number("rdb_current_bgsave_time_sec"))}` : figures.info.rdb_last_bgsave_status, !saving && figures.info.rdb_last_bgsave_status !== "ok");
    this.#fact("Image size", number("image_bytes") > 0 ? format.bytes(number("image_bytes")) : "none");
    this.#fact("Changes since", format.count(number("rdb_changes_since_last_save")));
    this.#fact("Open snapshots", number("open_snapshots") > 0 ? `${number("open_snapshots")}, oldest ${format.micros(number("oldest_snapshot_ms") * 1000)}` : "0");
    this.#fact("Open transactions", format.count(number("open_transactions")));
    this.#fact("Server's time", format.dateTime(now));
    for (const [name, cell] of this.#facts) cell.parentElement.hidden = !this.#current.has(name);
  }

  #fact(name, value, isBad = false) {
    let cell = this.#facts.get(name);
    if (!cell) {
      cell = element("dd");
      byId("persistence").append(element("div", { "data-fact": name }, element("dt", { text: name }), cell));
      this.#facts.set(name, cell);
    }
    this.#current.add(name);
    setText(cell, value);
    cell.classList.toggle("bad", isBad);
  }
}
