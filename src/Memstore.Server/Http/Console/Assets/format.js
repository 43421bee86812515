// Numbers with units.

const group = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const NARROW = "\u202f";

/** A count: all its digits, in groups. */
export const count = (value) => Number.isFinite(value) ? group.format(value) : "–";

/** A count or rate in at most four digits: 1.23 M. */
export function short(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 999.5e6) return digits(value / 1e9) + NARROW + "G";
  if (size >= 999.5e3) return digits(value / 1e6) + NARROW + "M";
  if (size >= 1e4) return digits(value / 1e3) + NARROW + "k";
  return size >= 100 || Number.isInteger(value) ? group.format(value) : digits(value);
}

/** A rate, in at most four digits. */
export const rate = (value) => Number.isFinite(value) && Math.abs(value) < 100 ? digits(value) : short(value);

/** Bytes in powers of 1,024. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let size = Math.abs(value);
  while (size >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return (value < 0 ? "−" : "") + (unit === 0 && Number.isInteger(size) ? String(size) : digits(size)) + NARROW + units[unit];
}

/** A duration given in microseconds. */
export function micros(value) {
  if (!Number.isFinite(value)) return "–";
  if (value < 999.5) return digits(value) + NARROW + "µs";
  if (value < 999.5e3) return digits(value / 1000) + NARROW + "ms";
  return digits(value / 1e6) + NARROW + "s";
}

/** A duration given in seconds: 3 d 4 h. */
export function seconds(value) {
  if (!Number.isFinite(value) || value < 0) return "–";
  const total = Math.floor(value);
  const parts = [[Math.floor(total / 86400), "d"], [Math.floor(total / 3600) % 24, "h"], [Math.floor(total / 60) % 60, "min"], [total % 60, "s"]];
  const first = parts.findIndex(([number]) => number > 0);
  return first < 0 ? "0" + NARROW + "s" : parts.slice(first, first + 2).map(([number, unit]) => number + NARROW + unit).join(" ");
}

/** A part of a whole, from 0 to 1: under one percent with a digit more, because among a thousand shards all are. */
export function percent(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value) * 100;
  if (size > 0 && size < 0.005) return "<" + NARROW + "0.01" + NARROW + "%";
  return (value * 100).toFixed(size > 0 && size < 0.995 ? 2 : 1) + NARROW + "%";
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const calendar = new Intl.DateTimeFormat("en-GB", { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A time of day, from milliseconds of Unix time. */
export const timeOfDay = (unixMs) => clock.format(unixMs);

/** A date and time, from milliseconds of Unix time. */
export const dateTime = (unixMs) => calendar.format(unixMs);

// Three digits, once rounded: 9.999 is 10.0.
function digits(value) {
  const size = Math.abs(value);
  return size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : size === 0 ? "0" : size >= 0.01 ? value.toFixed(2) : value.toFixed(3);
}
