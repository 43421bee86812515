// Tables whose rows keep their place in the keyboard's path while figures change.
import { element, setText } from "./dom.js";

// More rows than these nobody reads, and a browser would be busy with nothing else.
const rowsMax = 1000;

/**
 * A table: one stop of the tab key; arrows go from row to row, right to the buttons of a row; Enter acts on a row, Delete deletes.
 * Columns: { id, title, text(row), and where wanted hint, number, code, time, wide, sort(row), bar(row), mark(row), swatch(row), hover(row) }. Rows are told apart by key(row).
 */
export class Table {
  #columns;
  #options;
  #rows = new Map();
  #body = element("tbody");
  #head;
  #current = null;
  #sort;
  #data = [];

  /** options: key, label, empty, onopen, ondelete, onfocus, actions: [{ title, run }], sort: { id, down }, isPaged (rows come in parts that a person asks for). */
  constructor(host, columns, options) {
    this.#columns = columns;
    this.#options = options;
    this.#sort = options.sort ?? null;
    this.#head = element("tr", {}, ...columns.map((column) => this.#heading(column)));
    if (options.actions) this.#head.append(element("th", { scope: "col" }, element("span", { class: "unseen", text: "Actions" })));
    this.table = element("table", { "aria-label": options.label }, element("thead", {}, this.#head), this.#body);
    this.empty = element("p", { class: "empty", text: options.empty ?? "Nothing here." });
    this.rest = element("p", { class: "note", hidden: true });
    host.append(element("div", { class: "scroll" }, this.table), this.rest, this.empty);
    this.table.addEventListener("keydown", (event) => this.#onKey(event));
    this.#body.addEventListener("focusin", (event) => this.#makeCurrent(event.target.closest("tr")));
    this.#body.addEventListener("click", (event) => this.#onClick(event));
  }

  /** Shows other rows. */
  update(data) {
    this.#data = data;
    this.#render();
  }

  /** Marks the row with a key as the one that is shown elsewhere. */
  select(key) {
    for (const [other, row] of this.#rows) row.node.setAttribute("aria-current", String(other === key));
  }

  /** Puts the focus into the table. */
  focus() { (this.#current ?? this.#body.firstElementChild)?.focus(); }

  #render() {
    const focused = this.table.contains(document.activeElement) ? document.activeElement : null;
    const all = this.#sorted();
    const sorted = this.#options.isPaged ? all : all.slice(0, rowsMax);
    setText(this.rest, `The first ${rowsMax} of ${all.length}.`);
    this.rest.hidden = all.length === sorted.length;
    const keep = new Set();
    let place = this.#body.firstElementChild;
    for (const item of sorted) {
      const key = this.#options.key(item);
      keep.add(key);
      let row = this.#rows.get(key);
      if (!row) this.#rows.set(key, row = this.#makeRow(key));
      row.item = item;
      this.#fillRow(row);
      if (row.node === place) place = place.nextElementSibling;
      else this.#body.insertBefore(row.node, place);
    }
    this.#forget(keep, focused);
    this.empty.hidden = sorted.length > 0;
    this.table.hidden = sorted.length === 0;
    if (!this.#current?.isConnected) this.#makeCurrent(this.#body.firstElementChild);
    if (focused && focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  }

  // The row after one that goes inherits the focus.
  #forget(keep, focused) {
    for (const [key, row] of this.#rows) {
      if (keep.has(key)) continue;
      const heir = row.node.nextElementSibling ?? row.node.previousElementSibling;
      const hadFocus = focused && row.node.contains(focused);
      row.node.remove();
      this.#rows.delete(key);
      if (hadFocus && heir) {
        this.#makeCurrent(heir);
        heir.focus();
      }
    }
  }

  #sorted() {
    if (!this.#sort) return this.#data;
    const column = this.#columns.find((other) => other.id === this.#sort.id);
    const value = column.sort ?? column.text;
    const sign = this.#sort.down ? -1 : 1;
    return [...this.#data].sort((a, b) => sign * compare(value(a), value(b)));
  }

  #heading(column) {
    const cell = element("th", { scope: "col", class: column.number ? "number" : null, title: column.hint });
    const label = column.title;
    if (this.#options.sort) {
      cell.append(element("button", { type: "button", class: "sort", tabindex: "-1", text: label, onclick: () => this.#sortBy(column) }));
      cell.dataset.column = column.id;
      this.#showSort(cell, column);
    } else cell.textContent = label;
    return cell;
  }

  #showSort(cell, column) {
    if (this.#sort?.id === column.id) cell.setAttribute("aria-sort", this.#sort.down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }

  #sortBy(column) {
    this.#sort = { id: column.id, down: this.#sort.id === column.id ? !this.#sort.down : Boolean(column.number) };
    this.#columns.forEach((other, i) => this.#showSort(this.#head.children[i], other));
    this.#render();
  }

  #makeRow(key) {
    const row = { key, node: element("tr", { tabindex: "-1" }), cells: [] };
    for (const column of this.#columns) {
      const cell = element("td", { class: [column.number && "number", column.wide && "wide", column.code && "code", column.time && "time", column.swatch && "swatch"].filter(Boolean).join(" ") || null });
      if (column.bar) {
        row.bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
        cell.append(element("span", { class: "figure" }), row.bar);
      }
      row.cells.push(cell);
      row.node.append(cell);
    }
    if (this.#options.actions) {
      row.node.append(element("td", { class: "actions" }, ...this.#options.actions.map((action) =>
        element("button", { type: "button", class: "small", tabindex: "-1", text: action.title, onclick: () => action.run(row.item) }))));
    }
    return row;
  }

  #fillRow(row) {
    this.#columns.forEach((column, i) => {
      const cell = row.cells[i];
      setText(column.bar ? cell.firstChild : cell, column.text(row.item));
      if (column.bar) row.bar.firstChild.style.width = `${Math.max(0, Math.min(1, column.bar(row.item))) * 100}%`;
      if (column.mark) cell.classList.toggle("marked", column.mark(row.item));
      if (column.swatch) cell.style.setProperty("--swatch", column.swatch(row.item));
      if (column.hover) cell.title = column.hover(row.item);
    });
  }

  #makeCurrent(row) {
    if (!row || row === this.#current) return;
    if (this.#current) this.#current.tabIndex = -1;
    this.#current = row;
    row.tabIndex = 0;
    this.#options.onfocus?.(this.#itemOf(row));
  }

  #itemOf(node) { return [...this.#rows.values()].find((row) => row.node === node)?.item; }

  #onClick(event) {
    const node = event.target.closest("tr");
    if (!node || event.target.closest("button") || String(getSelection())) return;
    node.focus();
    this.#options.onopen?.(this.#itemOf(node));
  }

  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const node = event.target.closest("tr");
    const isHead = node === this.#head;
    const target = this.#neighbour(event.key, node, isHead, event.target);
    if (target) {
      target.focus();
      event.preventDefault();
    } else if (!isHead && event.target === node && event.key === "Enter" && this.#options.onopen) {
      this.#options.onopen(this.#itemOf(node));
      event.preventDefault();
    } else if (!isHead && event.target === node && event.key === "Delete" && this.#options.ondelete) {
      this.#options.ondelete(this.#itemOf(node));
      event.preventDefault();
    }
  }

  #neighbour(key, node, isHead, focused) {
    const stops = isHead ? [...node.querySelectorAll("button")] : [node, ...node.querySelectorAll("button")];
    const at = stops.indexOf(focused);
    switch (key) {
      case "ArrowDown": return isHead ? this.#body.firstElementChild : node.nextElementSibling;
      case "ArrowUp": return isHead ? null : node.previousElementSibling ?? this.#head.querySelector("button");
      case "ArrowRight": return stops[at + 1];
      case "ArrowLeft": return stops[at - 1];
      case "Home": return isHead ? null : this.#body.firstElementChild;
      case "End": return isHead ? null : this.#body.lastElementChild;
      default: return null;
    }
  }
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return (Number.isNaN(a) ? -Infinity : a) - (Number.isNaN(b) ? -Infinity : b);
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
