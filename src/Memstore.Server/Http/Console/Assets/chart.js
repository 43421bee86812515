// Lines over the last two minutes, drawn as SVG.
import { drawing, element, say, setText } from "./dom.js";
import { historySeconds } from "./figures.js";
import { timeOfDay } from "./format.js";

const height = 150;
const margin = { left: 60, right: 10, top: 10, bottom: 20 };

/** A chart. Series: { name, title }, a name in the points of the history; colours come from the style sheet by their order. */
export class Chart {
  #series;
  #options;
  #points = [];
  #width = 400;
  #cursor = null;

  /** options: title, format(value), axis(value) for its marks, log (a logarithmic scale), binary (steps in powers of two), note. */
  constructor(host, series, options) {
    this.#series = series;
    this.#options = options;
    this.svg = drawing("svg", { role: "img", tabindex: "0", height, "aria-label": options.title });
    this.grid = drawing("g", { class: "axis" });
    this.lines = series.map((_, i) => drawing("path", { class: `line series-${i}` }));
    this.cursorLine = drawing("line", { class: "cursor", y1: margin.top, y2: height - margin.bottom, visibility: "hidden" });
    this.svg.append(this.grid, ...this.lines, this.cursorLine);
    this.values = series.map((one, i) => element("b", { class: "value", "data-series": one.name }));
    this.when = element("span", { class: "when" });
    const legend = element("p", { class: "legend" }, ...series.map((one, i) =>
      element("span", { class: `key series-${i}` }, one.title + " ", this.values[i])), this.when);
    host.append(legend, this.svg);
    new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width)).observe(host);
    this.svg.addEventListener("pointermove", (event) => this.#moveTo(event.offsetX));
    this.svg.addEventListener("pointerleave", () => this.#setCursor(null));
    this.svg.addEventListener("blur", () => this.#setCursor(null));
    this.svg.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Shows a history. */
  update(points) {
    this.#points = points;
    this.#draw();
  }

  #resize(width) {
    this.#width = Math.max(200, Math.floor(width));
    this.svg.setAttribute("width", this.#width);
    this.svg.setAttribute("viewBox", `0 0 ${this.#width} ${height}`);
    this.#draw();
  }

  #draw() {
    const end = this.#points.at(-1)?.time ?? 0;
    const known = this.#points.flatMap((point) => this.#series.map((one) => point[one.name])).filter((value) => Number.isFinite(value) && value !== null);
    const scale = this.#options.log ? logScale(known) : linearScale(known, this.#options.binary);
    const x = (time) => margin.left + (1 - (end - time) / historySeconds) * (this.#width - margin.left - margin.right);
    const y = (value) => margin.top + (1 - scale.place(value)) * (height - margin.top - margin.bottom);
    this.#drawGrid(scale, x, y, end);
    this.#series.forEach((one, i) => this.lines[i].setAttribute("d", pathOf(this.#points, one.name, x, y, end - historySeconds)));
    this.#showValues(x);
  }

  #drawGrid(scale, x, y, end) {
    const marks = [];
    for (const value of scale.marks) {
      const at = Math.round(y(value)) + 0.5;
      marks.push(drawing("line", { x1: margin.left, x2: this.#width - margin.right, y1: at, y2: at }));
      marks.push(drawing("text", { x: margin.left - 8, y: at + 4, "text-anchor": "end", text: (this.#options.axis ?? this.#options.format)(value).replace(/\.0+(?=\D|$)/, "") }));
    }
    for (const ago of [120, 60, 0]) {
      marks.push(drawing("text", {
        x: x(end - ago), y: height - 4, "text-anchor": ago === 120 ? "start" : ago === 0 ? "end" : "middle", text: ago === 0 ? "now" : `${ago} s ago`,
      }));
    }
    this.grid.replaceChildren(...marks);
  }

  #showValues(x) {
    const point = this.#cursor === null ? this.#points.at(-1) : this.#points[this.#cursor];
    this.#series.forEach((one, i) => setText(this.values[i], point && Number.isFinite(point[one.name]) && point[one.name] !== null ? this.#options.format(point[one.name]) : "–"));
    setText(this.when, this.#cursor === null || !point ? "" : timeOfDay(point.time * 1000));
    this.cursorLine.setAttribute("visibility", this.#cursor === null || !point ? "hidden" : "visible");
    if (point && this.#cursor !== null) for (const end of ["x1", "x2"]) this.cursorLine.setAttribute(end, x(point.time));
    this.svg.setAttribute("aria-label", `${this.#options.title}: ${this.#summary()}. Arrow keys go through the last two minutes.`);
  }

  #moveTo(x) {
    const end = this.#points.at(-1)?.time ?? 0;
    const time = end - historySeconds * (1 - (x - margin.left) / (this.#width - margin.left - margin.right));
    let best = null;
    this.#points.forEach((point, i) => {
      if (!point.gap && (best === null || Math.abs(point.time - time) < Math.abs(this.#points[best].time - time))) best = i;
    });
    this.#setCursor(best);
  }

  #onKey(event) {
    const last = this.#points.length - 1;
    const to = { ArrowLeft: (this.#cursor ?? last) - 1, ArrowRight: (this.#cursor ?? last) + 1, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#setCursor(to === null ? null : Math.max(0, Math.min(last, to)));
    if (this.#cursor !== null) say(`${this.when.textContent}: ${this.#summary()}`);
  }

  #summary() { return this.#series.map((one, i) => `${one.title} ${this.values[i].textContent}`).join(", "); }

  #setCursor(index) {
    this.#cursor = index;
    this.#draw();
  }
}

function pathOf(points, name, x, y, start) {
  let path = "";
  let pen = "M";
  for (const point of points) {
    const value = point[name];
    if (point.gap || value === null || !Number.isFinite(value)) {
      pen = "M";
      continue;
    }
    if (point.time < start) continue;
    path += `${pen}${x(point.time).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  }
  return path;
}

// From 0 to a round number above everything.
function linearScale(values, binary) {
  const most = Math.max(binary ? 1024 : 10, ...values);
  const base = binary ? 1024 ** Math.floor(Math.log2(most) / 10) : 10 ** Math.floor(Math.log10(most));
  const factors = binary ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 4, 6, 8, 10];
  const top = base * factors.find((factor) => factor * base >= most);
  return { place: (value) => value / top, marks: [0, top / 2, top] };
}

// Whole powers of ten around everything.
function logScale(values) {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(1, ...positive)));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(100, ...positive))));
  const marks = [];
  for (let power = low; power <= high; power++) if (high - low <= 4 || (power - low) % 2 === 0) marks.push(10 ** power);
  return { place: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low), marks };
}
