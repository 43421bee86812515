// What took long.
import { visibleStart } from "./bytes.js";
import { byId } from "./dom.js";
import * as format from "./format.js";
import { ReplyError, textOf } from "./server.js";
import { Table } from "./table.js";

/** The view. */
export class Slow {
  constructor() {
    this.slow = new Table(byId("slow-table"), [
      { id: "id", title: "No.", number: true, text: (row) => String(row.id), sort: (row) => row.id },
      { id: "when", title: "When", time: true, text: (row) => format.dateTime(row.when * 1000), sort: (row) => row.when },
      { id: "took", title: "Took", number: true, text: (row) => format.micros(row.took), sort: (row) => row.took },
      { id: "command", title: "Command", code: true, wide: true, text: (row) => row.command },
      { id: "client", title: "Client", code: true, text: (row) => row.client },
    ], { label: "Slow commands", key: (row) => row.id, sort: { id: "id", down: true }, empty: "No command was slow." });
    this.events = new Table(byId("event-table"), [
      { id: "event", title: "Event", code: true, text: (row) => row.event },
      { id: "when", title: "Last", time: true, text: (row) => format.dateTime(row.when * 1000) },
      { id: "last", title: "Took", number: true, text: (row) => format.micros(row.last * 1000) },
      { id: "most", title: "Longest", number: true, text: (row) => format.micros(row.most * 1000) },
    ], { label: "Events", key: (row) => row.event, empty: "No event, or latency-monitor-threshold is 0." });
  }

  commands() { return [["SLOWLOG", "GET", 100], ["SLOWLOG", "LEN"], ["CONFIG", "GET", "slowlog-log-slower-than"], ["LATENCY", "LATEST"]]; }

  update([entries, length, threshold, events]) {
    if (entries instanceof ReplyError || events instanceof ReplyError) return;
    const micros = Array.isArray(threshold) && threshold.length > 1 ? Number(textOf(threshold[1])) : NaN;
    byId("slow-state").textContent = micros < 0 ? "off" : `${format.count(length)} kept; from ${format.micros(micros)} on`;
    this.slow.update(entries.map(([id, when, took, words, client]) => ({ id, when, took, command: words.map((word) => visibleStart(word)).join(" "), client: textOf(client) })));
    this.events.update(events.map(([event, when, last, most]) => ({ event: textOf(event), when, last, most })));
  }
}
