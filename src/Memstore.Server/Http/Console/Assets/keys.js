// The key browser: finds keys with SCAN and shows what is in them.
import { asPlainText, hexDump, nameLength, splitLine, toBase64, toBytes, visible, visibleStart } from "./bytes.js";
import { announce, byId, confirm, element } from "./dom.js";
import * as format from "./format.js";
import { ask, ReplyError, textOf } from "./server.js";
import { Table } from "./table.js";

// One press of a button looks for so many keys, for so long at most; a pattern is compared with so many keys in each request.
const wanted = 100;
const lookMs = 4000;
const comparedAtOnce = 20_000;
const stringShown = 64 * 1024;
const fieldsShown = 100;

/** The view. */
export class Keys {
  #found = new Map();
  #cursor = "0";
  #run = 0;
  #opening = 0;
  #open = null;
  #databases = "";

  constructor(guard) {
    this.guard = guard;
    this.table = new Table(byId("key-table"), [
      { id: "key", title: "Key", code: true, wide: true, text: (row) => visibleStart(row.key, nameLength) || "(empty)" },
      { id: "type", title: "Type", text: (row) => row.type },
      { id: "ttl", title: "TTL", number: true, text: (row) => lifeOf(row.deadline), sort: (row) => row.deadline ?? Infinity },
      { id: "bytes", title: "Memory", number: true, text: (row) => format.bytes(row.bytes), sort: (row) => row.bytes },
    ], {
      label: "Keys", isPaged: true, key: (row) => row.id, sort: { id: "key", down: false }, empty: "No keys yet: press Scan.",
      onopen: (row) => this.open(row.database, row.key), ondelete: (row) => this.#delete(row.database, row.key),
    });
    byId("scan").addEventListener("submit", (event) => {
      event.preventDefault();
      this.scan(false);
    });
    byId("scan-more").addEventListener("click", () => this.scan(true));
    this.#showDatabases([0]);
    byId("value").append(nothingChosen());
  }

  commands() { return []; }

  update(_, figures) {
    const used = new Set(figures.databases.map((one) => one.number).concat(0, this.database));
    this.#showDatabases([...used].sort((a, b) => a - b));
    if (this.#found.size > 0) this.table.update([...this.#found.values()]);
    const life = byId("value").querySelector("[data-life]");
    if (life && this.#open) life.textContent = lifeOf(this.#open.deadline);
  }

  /** The first visit looks at what is there. */
  show() {
    if (this.#run === 0) this.scan(false);
  }

  get database() { return Number(byId("scan-database").value || 0); }

  /** Looks for keys from the beginning, or for more of them. */
  async scan(more) {
    const run = ++this.#run;
    const database = this.database;
    const filter = filterOf();
    if (filter === null) return void (byId("scan-state").textContent = "a quote is not closed");
    if (!more) {
      this.#cursor = "0";
      this.#found.clear();
      this.table.empty.textContent = "Looking …";
      this.table.update([]);
    }
    byId("scan-state").textContent = "looking …";
    const sole = soleKeyOf(filter);
    await this.guard(async () => {
      if (sole) {
        const wantedType = byId("scan-type").value;
        const found = await this.#describe(database, [sole]);
        if (run !== this.#run) return;
        for (const one of found) if (wantedType === "" || one.type === wantedType) this.#found.set(one.id, one);
        return void this.#showFound();
      }
      const before = this.#found.size;
      const begun = performance.now();
      while (performance.now() - begun < lookMs) {
        const [reply] = await ask([["SCAN", this.#cursor, ...filter, "COUNT", filter.length > 0 ? comparedAtOnce : wanted]], { database });
        if (run !== this.#run) return;
        if (reply instanceof ReplyError) return void (byId("scan-state").textContent = reply.text);
        this.#cursor = textOf(reply[0]);
        const found = await this.#describe(database, reply[1]);
        if (run !== this.#run) return;
        for (const one of found) this.#found.set(one.id, one);
        if (this.#cursor === "0" || this.#found.size - before >= wanted) break;
        this.table.update([...this.#found.values()]);
      }
      this.#showFound();
    });
  }

  /** Shows the value of a key, also from another view. */
  async open(database, key) {
    const opening = ++this.#opening;
    // Somebody has chosen another key meanwhile.
    const isOld = () => opening !== this.#opening;
    await this.guard(async () => {
      const [type, ttl, memory, encoding, slot] = await ask(
        [["TYPE", key], ["PTTL", key], ["MEMORY", "USAGE", key], ["OBJECT", "ENCODING", key], ["CLUSTER", "KEYSLOT", key]], { database });
      if (isOld()) return;
      this.#open = { database, key, type: textOf(type), deadline: deadlineOf(ttl) };
      this.table.select(idOf(database, key));
      const panel = byId("value");
      byId("value-title").textContent = visibleStart(key) || "(empty)";
      if (this.#open.type === "none") return void panel.replaceChildren(element("p", { class: "empty", text: "This key is not there any more." }));
      const life = element("dd", { "data-life": "", text: lifeOf(this.#open.deadline) });
      panel.replaceChildren(
        element("dl", { class: "facts" },
          fact("Type", this.#open.type), fact("Encoding", encoding === null || encoding instanceof ReplyError ? "–" : textOf(encoding)),
          element("div", {}, element("dt", { text: "TTL" }), life),
          fact("Memory", format.bytes(memory ?? NaN)), fact("Database", String(database)), ...(typeof slot === "number" ? [fact("Slot", String(slot))] : []), fact("Key", `${key.length} bytes`)),
        element("p", { class: "buttons" },
          element("button", { type: "button", text: "Reload", onclick: () => this.open(database, key) }),
          element("button", { type: "button", class: "danger", text: "Delete …", onclick: () => this.#delete(database, key) })));
      if (this.#open.type === "string") await this.#showString(panel, isOld);
      else if (this.#open.type === "hash") await this.#showHash(panel);
      else panel.append(element("p", { class: "empty", text: "Look at values of this type in the command box." }));
    });
    if (matchMedia("(max-width: 900px)").matches) byId("value-panel").scrollIntoView();
  }

  // The rows of keys that are there.
  async #describe(database, keys) {
    if (keys.length === 0) return [];
    const replies = await ask(keys.flatMap((key) => [["TYPE", key], ["PTTL", key], ["MEMORY", "USAGE", key]]), { database });
    return keys.map((key, i) => {
      const [type, ttl, memory] = replies.slice(3 * i, 3 * i + 3);
      return { id: idOf(database, key), database, key, type: textOf(type), deadline: deadlineOf(ttl), bytes: memory ?? NaN };
    }).filter((one) => one.type !== "none");
  }

  #showFound() {
    const isAll = this.#cursor === "0";
    byId("scan-state").textContent = `${format.count(this.#found.size)} ${this.#found.size === 1 ? "key" : "keys"}${isAll ? "" : ", there may be more"}`;
    byId("scan-more").hidden = isAll;
    this.table.empty.textContent = !isAll ? "None among those looked at." : filterOf()?.length === 0 ? `Database ${this.database} has no keys.` : "No key matches.";
    this.table.update([...this.#found.values()]);
  }

  #showDatabases(numbers) {
    const list = numbers.join();
    if (list === this.#databases) return;
    this.#databases = list;
    const select = byId("scan-database");
    const chosen = select.value || "0";
    select.replaceChildren(...numbers.map((number) => element("option", { text: String(number) })));
    select.value = chosen;
  }

  async #showString(panel, isOld) {
    const { database, key } = this.#open;
    const [length, value] = await ask([["STRLEN", key], ["GETRANGE", key, 0, stringShown - 1]], { database });
    if (isOld() || !(value instanceof Uint8Array)) return;
    const plain = asPlainText(value);
    const pre = element("pre", { tabindex: "0", "aria-label": "Value" });
    const show = (form) => {
      pre.textContent = form === "text" ? plain : form === "escaped" ? visible(value) : hexDump(value);
      pre.className = form;
    };
    const forms = [["text", "text", plain !== null], ["escaped", "escaped", true], ["hex", "hexadecimal", true]].filter(([, , possible]) => possible);
    panel.append(
      element("fieldset", { class: "choice" }, element("legend", { class: "unseen", text: "Show as" }), ...forms.map(([form, title], i) =>
        element("label", {}, element("input", { type: "radio", name: "value-form", value: form, checked: i === 0, onchange: () => show(form) }), title))),
      pre,
      element("p", { class: "note", text: length > value.length ? `The first ${format.count(value.length)} of ${format.count(length)} bytes.` : `${format.count(length)} bytes.` }));
    show(forms[0][0]);
  }

  async #showHash(panel) {
    const { database, key } = this.#open;
    const host = element("div");
    const note = element("p", { class: "note" });
    const more = element("button", { type: "button", text: "More fields" });
    panel.append(host, more, note);
    const table = new Table(host, [
      { id: "field", title: "Field", code: true, wide: true, text: (row) => visibleStart(row.field) },
      { id: "value", title: "Value", code: true, wide: true, text: (row) => visibleStart(row.value) },
    ], { label: "Fields", isPaged: true, key: (row) => row.id });
    const rows = new Map();
    let cursor = "0";
    const load = () => this.guard(async () => {
      const [length, reply] = await ask([["HLEN", key], ["HSCAN", key, cursor, "COUNT", fieldsShown]], { database });
      if (reply instanceof ReplyError) return;
      cursor = textOf(reply[0]);
      for (let i = 0; i < reply[1].length; i += 2) rows.set(toBase64(reply[1][i]), { id: toBase64(reply[1][i]), field: reply[1][i], value: reply[1][i + 1] });
      table.update([...rows.values()]);
      more.hidden = cursor === "0";
      note.textContent = `${format.count(rows.size)} of ${format.count(length)} fields.`;
    });
    more.addEventListener("click", load);
    await load();
  }

  async #delete(database, key) {
    if (!await confirm("Delete this key?", `${visibleStart(key)} in database ${database}`, "Delete")) return;
    await this.guard(async () => {
      const [reply] = await ask([["DEL", key]], { database });
      announce(reply instanceof ReplyError ? reply.text : reply === 1 ? `Deleted ${visibleStart(key)}` : "The key was not there any more");
      if (reply instanceof ReplyError) return;
      this.#found.delete(idOf(database, key));
      this.#showFound();
      if (this.#open && idOf(this.#open.database, this.#open.key) === idOf(database, key)) {
        this.#open = null;
        this.#opening++;
        byId("value-title").textContent = "No key chosen";
        byId("value").replaceChildren(nothingChosen());
      }
    });
  }
}

const idOf = (database, key) => `${database} ${toBase64(key)}`;

const nothingChosen = () => element("p", { class: "empty", text: "Choose a key to see its value: click on it, or press Enter." });

const fact = (name, value) => element("div", {}, element("dt", { text: name }), element("dd", { text: value }));

// From the milliseconds that PTTL answers; null for ever.
const deadlineOf = (ttl) => typeof ttl === "number" && ttl >= 0 ? Date.now() + ttl : null;

function lifeOf(deadline) {
  if (deadline === null) return "none";
  const left = deadline - Date.now();
  return left <= 0 ? "expired" : left < 10_000 ? `${(left / 1000).toFixed(1)} s` : format.seconds(left / 1000);
}

// The key that a pattern without *, ?, [ and \ matches, which need not be looked for among all others; null for other patterns.
function soleKeyOf(filter) {
  const pattern = filter[0] === "MATCH" ? filter[1] : null;
  return pattern?.every((byte) => !"*?[\\".includes(String.fromCharCode(byte))) ? pattern : null;
}

// What SCAN is to leave out; null if the pattern cannot be read. A pattern in quotes may have escapes: "\xff*".
function filterOf() {
  const text = byId("scan-match").value;
  const type = byId("scan-type").value;
  let pattern = toBytes(text);
  if (text.startsWith('"')) {
    const parts = splitLine(text.trim());
    if (parts?.length !== 1) return null;
    pattern = parts[0];
  }
  return [...(pattern.length > 0 && text !== "*" ? ["MATCH", pattern] : []), ...(type ? ["TYPE", type] : [])];
}
