// The ring of consistent hashing: outside whose arc is where, inside how the load is shared.
import { drawing } from "./dom.js";
import { percent } from "./format.js";

const size = 340;
const centre = size / 2;
const outer = { from: 132, to: 150 };
const inner = { from: 74, to: 124 };

// More points than these are no longer seen; the owner at so many places is drawn instead.
const placesMax = 4000;

/** The colour of a shard, one of eight; its number always stands beside it. */
export const shardColour = (shard) => `var(--shard-${shard % 8})`;

/** How strong a load is against the average: 0 for none, 1 for twice the average or more. */
const heat = (share, shards) => Math.max(0, Math.min(1, (share * shards) / 2));

/** The picture. */
export class Ring {
  #arcs = drawing("g");
  #loads = drawing("g");
  #middle = drawing("text", { class: "middle", x: centre, y: centre - 4, "text-anchor": "middle" });
  #below = drawing("text", { class: "below", x: centre, y: centre + 14, "text-anchor": "middle" });
  #selected = null;

  constructor(host) {
    this.svg = drawing("svg", { class: "ring", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "The ring" }, this.#arcs, this.#loads, this.#middle, this.#below);
    host.append(this.svg);
  }

  /** Draws whose arcs are where. Points: [place from 0 to 1, shard] by place; a point owns the way that leads to it. */
  showPoints(points) {
    const paths = new Map();
    let from = points.length > 0 ? points.at(-1)[0] - 1 : 0;
    for (const [place, shard] of thinned(points)) {
      paths.set(shard, (paths.get(shard) ?? "") + slice(outer, from, place));
      from = place;
    }
    const ticks = points.length > 400 ? [] : points.map(([place]) => {
      const [x1, y1] = at(outer.to, place);
      const [x2, y2] = at(outer.to + 6, place);
      return drawing("line", { class: "point", x1, y1, x2, y2 });
    });
    this.#arcs.replaceChildren(...ticks, ...[...paths].sort(([a], [b]) => a - b).map(([shard, d]) => {
      const path = drawing("path", { class: "arc", d, "data-shard": shard }, drawing("title", { text: `Arcs of shard ${shard}` }));
      path.style.fill = shardColour(shard);
      return path;
    }));
    this.#mark();
  }

  /** Draws the parts of the load. Shards: { shard, share } with share from 0 to 1. */
  showLoads(shards) {
    const total = shards.reduce((sum, one) => sum + one.share, 0);
    const nodes = [];
    let from = 0;
    for (const { shard, share } of shards) {
      const part = total > 0 ? share / total : 1 / shards.length;
      const sector = drawing("path", { class: "load", d: slice(inner, from, from + part), "data-shard": shard }, drawing("title", { text: `Shard ${shard}: ${percent(share)} of the load` }));
      sector.style.fillOpacity = 0.12 + 0.88 * heat(share, shards.length);
      nodes.push(sector);
      if (part > 0.045) nodes.push(...labels(shard, share, from + part / 2, part > 0.08, heat(share, shards.length) > 0.62));
      from += part;
    }
    this.#loads.replaceChildren(...nodes);
    // Seams between so many would hide what they part.
    this.svg.classList.toggle("many", shards.length > 24);
    this.#middle.textContent = String(shards.length);
    this.#below.textContent = shards.length === 1 ? "shard" : "shards";
    this.svg.setAttribute("aria-label", `The ring. Load: ${shards.slice(0, 16).map((one) => `shard ${one.shard} ${percent(one.share)}`).join(", ")}`);
    this.#mark();
  }

  /** Puts one shard in the foreground; null for none. */
  select(shard) {
    this.#selected = shard;
    this.#mark();
  }

  #mark() {
    for (const node of this.svg.querySelectorAll("[data-shard]"))
      node.classList.toggle("aside", this.#selected !== null && node.dataset.shard !== String(this.#selected));
  }
}

function thinned(points) {
  if (points.length <= placesMax) return points;
  const places = [];
  let next = 0;
  for (let i = 1; i <= placesMax; i++) {
    while (next < points.length - 1 && points[next][0] < i / placesMax) next++;
    places.push([i / placesMax, points[next][1]]);
  }
  return places;
}

// Clockwise from the top.
function at(radius, place) {
  const angle = place * 2 * Math.PI - Math.PI / 2;
  return [round(centre + radius * Math.cos(angle)), round(centre + radius * Math.sin(angle))];
}

const round = (value) => Math.round(value * 100) / 100;

function slice({ from, to }, start, end) {
  // A whole circle has no beginning that an arc could be drawn from.
  const last = Math.min(end, start + 0.9999);
  const long = last - start > 0.5 ? 1 : 0;
  return `M${at(from, start)}L${at(to, start)}A${to} ${to} 0 ${long} 1 ${at(to, last)}L${at(from, last)}A${from} ${from} 0 ${long} 0 ${at(from, start)}Z`;
}

function labels(shard, share, place, isWide, isDark) {
  const [x, y] = at((inner.from + inner.to) / 2, place);
  const style = { "text-anchor": "middle", class: isDark ? "on-dark" : "on-light" };
  if (!isWide) return [drawing("text", { ...style, x, y: y + 4, text: String(shard) })];
  return [drawing("text", { ...style, x, y: y - 2, text: `#${shard}` }), drawing("text", { ...style, x, y: y + 12, text: percent(share) })];
}
