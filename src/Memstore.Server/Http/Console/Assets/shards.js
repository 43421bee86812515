// Which shard has what, and how much it has to do.
import { byId } from "./dom.js";
import * as format from "./format.js";
import { Ring, shardColour } from "./ring.js";
import { ask, ReplyError, textOf, toObject } from "./server.js";
import { Table } from "./table.js";

/** The view. */
export class Shards {
  #layout = "";
  #ring = new Ring(byId("ring"));

  constructor() {
    this.table = new Table(byId("shard-table"), [
      { id: "shard", title: "Shard", text: (row) => String(row.shard), sort: (row) => row.shard, swatch: (row) => shardColour(row.shard) },
      { id: "load", title: "Load", number: true, text: (row) => format.percent(row.share), sort: (row) => row.share, bar: (row) => row.bar },
      { id: "rate", title: "Commands/s", number: true, text: (row) => format.rate(row["commands-per-second"]), sort: (row) => row["commands-per-second"] },
      { id: "keys", title: "Keys", number: true, text: (row) => format.count(row.keys), sort: (row) => row.keys },
      { id: "bytes", title: "Memory", number: true, text: (row) => format.bytes(row.bytes), sort: (row) => row.bytes },
      { id: "slots", title: "Slots", number: true, text: (row) => format.count(row.slots), sort: (row) => row.slots },
      { id: "commits", title: "Commits", number: true, text: (row) => format.count(row.commits), sort: (row) => row.commits },
      { id: "combined", title: "Combined", hint: "Commits made for others that had queued", number: true, text: (row) => format.count(row.combined), sort: (row) => row.combined },
      { id: "conflicts", title: "Conflicts", number: true, text: (row) => format.count(row.conflicts), sort: (row) => row.conflicts },
      { id: "queue", title: "Queue", hint: "Transactions that wait now, and the most that were seen to", number: true, text: (row) => `${row["queue-depth"]}, most ${row["longest-queue"]}`, sort: (row) => row["queue-depth"] },
      { id: "heavy", title: "Heaviest slot", hint: "Its number and its part of the whole load", number: true, text: (row) => `${row["heaviest-slot"]}: ${format.percent(Number(row["heaviest-slot-share"]))}`, sort: (row) => Number(row["heaviest-slot-share"]) },
    ], {
      label: "Load of shards", key: (row) => row.shard, sort: { id: "shard", down: false },
      onfocus: (row) => this.#ring.select(this.table?.table.contains(document.activeElement) && row ? row.shard : null),
    });
    byId("shard-table").addEventListener("focusout", () => this.#ring.select(null));
    this.log = new Table(byId("shard-log"), [
      { id: "when", title: "When", time: true, text: (row) => format.dateTime(row.when) },
      { id: "what", title: "What", wide: true, text: (row) => row.what },
    ], { label: "Log of shards", key: (row) => row.id, empty: "Nothing has happened to shards." });
  }

  commands() { return [["SHARDS", "INFO"], ["SHARDS", "LOG", 100]]; }

  update([info, log]) {
    if (info instanceof ReplyError || log instanceof ReplyError) return;
    const shards = info.map((one) => toObject(one)).map((one) => ({ ...one, share: Number(one["load-share"]) }));
    const most = Math.max(...shards.map((one) => one.share), 1e-9);
    for (const one of shards) one.bar = one.share / most;
    this.table.update(shards);
    this.#ring.showLoads(shards);
    this.log.update(log.map(([when, what], i) => ({ when: Number(when), what: textOf(what), id: `${log.length - i} ${when}` })));
    this.#drawRing(shards);
  }

  // The points change only with the number of shards.
  async #drawRing(shards) {
    const layout = shards.map((one) => one.shard).join();
    if (layout === this.#layout) return;
    this.#layout = layout;
    try {
      const [ring] = await ask([["SHARDS", "RING"]]);
      if (!(ring instanceof ReplyError)) this.#ring.showPoints(toObject(ring).points.map(([place, shard]) => [Number(textOf(place)), shard]));
    } catch {
      this.#layout = "";
    }
  }
}
