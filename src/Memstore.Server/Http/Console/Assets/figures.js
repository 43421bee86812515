// What the counters of the server amount to: rates between two answers, percentiles of the last seconds, and their history.
import { parseFields, parseInfo, textOf } from "./server.js";

/** Seconds that a chart shows. */
export const historySeconds = 120;

/** Seconds over which latencies are taken together. */
export const latencyWindow = 5;

/** The commands whose replies Figures.add takes. */
export const figureCommands = [["TIME"], ["INFO", "everything"], ["LATENCY", "HISTOGRAM"]];

/** Figures of one server over time. */
export class Figures {
  /** INFO of the last answer, by name. */
  info = {};

  /** Points of the charts, oldest first: time in seconds of the server, and figures; null figures where nothing is known. */
  history = [];

  /** By command: calls, callsPerSecond, mean, p50, p99, p999 in microseconds, errors. */
  commands = [];

  #last = null;
  #histograms = [];

  /** Takes the replies of figureCommands. */
  add([time, info, histogram]) {
    const now = Number(textOf(time[0])) + Number(textOf(time[1])) / 1e6;
    this.info = parseInfo(info);
    const classes = readHistograms(histogram);
    const before = this.#last?.info.run_id === this.info.run_id && now > this.#last.now ? this.#last : null;
    if (!before) this.#histograms = [];
    else {
      this.#histograms.push(difference(classes, before.classes));
      if (this.#histograms.length > latencyWindow) this.#histograms.shift();
    }
    this.commands = this.#readCommands(before, now);
    this.#record(now, before);
    this.#last = { now, info: this.info, classes, commands: new Map(this.commands.map((command) => [command.name, command.calls])) };
  }

  /** Notes that nothing is known for a while: the next rates have no beginning. */
  interrupt() {
    this.#last = null;
    this.#histograms = [];
    const newest = this.history.at(-1);
    if (newest && !newest.gap) this.history.push({ time: newest.time + 0.5, gap: true });
  }

  /** A number of INFO. */
  number(name) { return Number(this.info[name]); }

  /** The newest point of the history. */
  get newest() { return this.history.at(-1) ?? {}; }

  /** Keys in all databases, and how many have a deadline. */
  get keys() {
    let keys = 0;
    let expires = 0;
    for (const { fields } of this.databases) {
      keys += fields.keys;
      expires += fields.expires;
    }
    return { keys, expires };
  }

  /** Databases that have keys. */
  get databases() {
    return Object.keys(this.info).filter((name) => /^db\d+$/.test(name)).map((name) => ({ number: Number(name.slice(2)), fields: parseFields(this.info[name]) }));
  }

  #record(now, before) {
    const rate = (name) => before ? Math.max(0, this.number(name) - Number(before.info[name])) / (now - before.now) : null;
    const hits = rate("keyspace_hits");
    const misses = rate("keyspace_misses");
    this.history.push({
      time: now,
      commands: rate("total_commands_processed"),
      input: rate("total_net_input_bytes"),
      output: rate("total_net_output_bytes"),
      hitRatio: hits + misses > 0 ? hits / (hits + misses) : null,
      used: this.number("used_memory"),
      resident: this.number("used_memory_rss"),
      ...this.#percentiles(),
    });
    while (this.history.length > 0 && this.history[0].time < now - historySeconds - 5) this.history.shift();
  }

  #percentiles() {
    const sum = new Map();
    let calls = 0;
    for (const histogram of this.#histograms)
      for (const [limit, number] of histogram) {
        sum.set(limit, (sum.get(limit) ?? 0) + number);
        calls += number;
      }
    if (calls === 0) return { p50: null, p99: null, p999: null };
    const limits = [...sum.keys()].sort((a, b) => a - b);
    const at = (part) => {
      let seen = 0;
      return limits.find((limit) => (seen += sum.get(limit)) >= part * calls) ?? null;
    };
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  }

  #readCommands(before, now) {
    const commands = [];
    for (const [key, value] of Object.entries(this.info)) {
      if (!key.startsWith("cmdstat_")) continue;
      const name = key.slice("cmdstat_".length);
      const fields = parseFields(value);
      const percentiles = parseFields(this.info["latency_percentiles_usec_" + name] ?? "");
      commands.push({
        name,
        calls: fields.calls,
        callsPerSecond: before ? Math.max(0, fields.calls - (before.commands.get(name) ?? 0)) / (now - before.now) : NaN,
        mean: fields.usec_per_call,
        p50: percentiles.p50 ?? NaN,
        p99: percentiles.p99 ?? NaN,
        p999: percentiles["p99.9"] ?? NaN,
        errors: fields.failed_calls + fields.rejected_calls,
      });
    }
    return commands;
  }
}

// Classes end at powers of two in nanoseconds, of which the reply has whole microseconds: 8 stands for 8.192.
const exact = (limit) => 2 ** Math.ceil(Math.log2(limit * 1000)) / 1000;

// [command, [calls, n, histogram_usec, [limit, calls up to it, …]], …] as calls in each class, over all commands.
function readHistograms(reply) {
  const classes = new Map();
  for (let i = 1; i < reply.length; i += 2) {
    let below = 0;
    const steps = reply[i][3];
    for (let j = 0; j < steps.length; j += 2) {
      const limit = exact(steps[j]);
      classes.set(limit, (classes.get(limit) ?? 0) + steps[j + 1] - below);
      below = steps[j + 1];
    }
  }
  return classes;
}

function difference(now, before) {
  const grown = new Map();
  for (const [limit, calls] of now) {
    const more = calls - (before.get(limit) ?? 0);
    if (more > 0) grown.set(limit, more);
  }
  return grown;
}
