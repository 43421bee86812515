// The command box: a line of redis-cli on a page, with completion and help from COMMAND DOCS.
import { splitLine, toText } from "./bytes.js";
import { byId, confirm, element } from "./dom.js";
import { readDocs } from "./docs.js";
import { render } from "./replies.js";
import { ask, ReplyError } from "./server.js";

const completionsMax = 8;
const entriesMax = 200;
const historyMax = 200;

// Nobody runs these by accident twice.
const dangerous = new Map([["FLUSHALL", "deletes all keys of all databases"], ["FLUSHDB", "deletes all keys of the database"], ["SHUTDOWN", "stops the server"], ["SWAPDB", "lets two databases change places for all clients"]]);

const stateful = new Set(["MULTI", "WATCH", "BEGIN"]);

/** The view. */
export class CommandBox {
  #docs = null;
  #history = [];
  #place = 0;
  #draft = "";
  #database = 0;
  #choices = [];
  #choice = -1;
  #turn = Promise.resolve();

  constructor(guard) {
    this.guard = guard;
    this.line = byId("line");
    this.list = byId("completions");
    byId("run").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run();
    });
    this.line.addEventListener("input", () => this.#suggest());
    this.line.addEventListener("blur", () => this.#close());
    this.line.addEventListener("keydown", (event) => this.#onKey(event));
  }

  commands() { return []; }

  update() {}

  show() {
    this.line.focus();
    if (this.#docs === null) this.guard(async () => {
      const [reply] = await ask([["COMMAND", "DOCS"]]);
      this.#docs = reply instanceof ReplyError ? new Map() : readDocs(reply);
      this.#help();
    });
  }

  async #run() {
    const text = this.line.value.trim();
    if (text === "") return;
    this.#close();
    this.#remember(text);
    this.line.value = "";
    const words = splitLine(text);
    if (words === null) return this.#print(text, "Invalid argument(s)", true);
    const name = toText(words[0]).toUpperCase();
    if (name === "CLEAR" && words.length === 1) return byId("replies").replaceChildren();
    if (name === "HELP") return this.#showHelp(text, words.slice(1).map(toText).join(" "));
    if (dangerous.has(name) && !await confirm(`Run ${name}?`, `It ${dangerous.get(name)}.`, `Run ${name}`)) return this.#print(text, "(not run)");
    // Replies come in the order of the lines.
    this.#turn = this.#turn.catch(() => {}).then(() => this.#ask(text, words, name));
    this.#help();
  }

  #ask(text, words, name) {
    return this.guard(async () => {
      const [reply] = await ask([words], { database: this.#database, timeoutMs: 60_000 });
      this.#print(text, render(reply, name, words[1] ? toText(words[1]).toUpperCase() : ""), reply instanceof ReplyError);
      if (reply instanceof ReplyError) return;
      if (name === "SELECT") this.#select(Number(toText(words[1])));
      if (stateful.has(name)) this.#print(null, `${name} ended with its request: a line here is a request of its own.`);
    }, (error) => this.#print(text, `(no answer: ${error.message})`, true));
  }

  #select(database) {
    this.#database = database;
    byId("prompt").textContent = `${database}>`;
  }

  #print(asked, text, isWrong = false) {
    const log = byId("replies");
    if (asked !== null) log.append(element("pre", { class: "asked", text: `${this.#database}> ${asked}` }));
    log.append(element("pre", { class: isWrong ? "wrong" : null, text }));
    while (log.childElementCount > entriesMax) log.firstElementChild.remove();
    log.scrollTop = log.scrollHeight;
  }

  #showHelp(text, name) {
    const doc = this.#docs?.get(name.toUpperCase());
    if (doc) this.#describe(doc);
    this.#print(text, doc ? `${doc.usage}\n${doc.summary}` : name ? `There is no command ${name}.` : "help NAME describes a command; Tab completes names.");
  }

  #remember(text) {
    if (this.#history.at(-1) !== text) this.#history.push(text);
    if (this.#history.length > historyMax) this.#history.shift();
    this.#place = this.#history.length;
    this.#draft = "";
  }

  #recall(step) {
    const to = this.#place + step;
    if (to < 0 || to > this.#history.length) return;
    if (this.#place === this.#history.length) this.#draft = this.line.value;
    this.#place = to;
    this.line.value = to === this.#history.length ? this.#draft : this.#history[to];
    this.line.setSelectionRange(this.line.value.length, this.line.value.length);
    this.#help();
  }

  #onKey(event) {
    const isOpen = !this.list.hidden;
    if (event.ctrlKey && event.key === "l") byId("replies").replaceChildren();
    else if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    else if (event.key === "ArrowDown") isOpen ? this.#choose(this.#choice + 1) : this.#recall(1);
    else if (event.key === "ArrowUp") isOpen && this.#choice >= 0 ? this.#choose(this.#choice - 1) : this.#recall(-1);
    else if (event.key === "Escape" && isOpen) this.#close();
    else if (event.key === "Tab" && isOpen) this.#accept(Math.max(0, this.#choice));
    else if (event.key === "Enter" && isOpen && this.#choice >= 0) this.#accept(this.#choice);
    else return;
    event.preventDefault();
  }

  // Names that begin with the line; nothing once a name is complete and its arguments have begun.
  #suggest() {
    this.#place = this.#history.length;
    const typed = this.line.value.trimStart().toUpperCase();
    this.#choices = typed === "" || !this.#docs ? [] : [...this.#docs.values()].filter((doc) => doc.name.startsWith(typed) && doc.name !== typed).slice(0, completionsMax);
    this.#choice = -1;
    this.list.replaceChildren(...this.#choices.map((doc, i) => element("li", {
      id: `completion-${i}`, role: "option", "aria-selected": "false",
      onpointerdown: (event) => {
        event.preventDefault();
        this.#accept(i);
      },
    }, element("b", { text: doc.name }), element("span", { text: doc.summary }))));
    this.list.hidden = this.#choices.length === 0;
    this.line.setAttribute("aria-expanded", String(!this.list.hidden));
    this.line.removeAttribute("aria-activedescendant");
    this.#help();
  }

  #choose(index) {
    this.#choice = Math.max(-1, Math.min(this.#choices.length - 1, index));
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === this.#choice)));
    if (this.#choice < 0) this.line.removeAttribute("aria-activedescendant");
    else this.line.setAttribute("aria-activedescendant", `completion-${this.#choice}`);
    if (this.#choice >= 0) this.#describe(this.#choices[this.#choice]);
  }

  #accept(index) {
    this.line.value = this.#choices[index].name + " ";
    this.#suggest();
  }

  #close() {
    this.list.hidden = true;
    this.line.setAttribute("aria-expanded", "false");
    this.line.removeAttribute("aria-activedescendant");
  }

  // The command that stands in the line, the longest name of it that there is.
  #help() {
    if (!this.#docs) return;
    const words = this.line.value.trim().toUpperCase().split(/\s+/);
    const doc = this.#docs.get(words.slice(0, 2).join(" ")) ?? this.#docs.get(words[0]);
    if (doc) this.#describe(doc);
    else if (this.line.value.trim() === "") byId("help").replaceChildren(element("p", { class: "empty", text: `${this.#docs.size} commands. Begin to type one.` }));
  }

  #describe(doc) {
    byId("help").replaceChildren(
      element("code", { text: doc.usage }),
      element("p", { text: doc.summary }),
      element("dl", { class: "facts" }, ...[["Complexity", doc.complexity], ["Group", doc.group], ["Since Redis", doc.since]].filter(([, value]) => value).map(([name, value]) =>
        element("div", {}, element("dt", { text: name }), element("dd", { text: value })))));
  }
}
