// The page: one request a second, one view at a time.
import { Clients } from "./clients.js";
import { CommandBox } from "./command.js";
import { announce, byId, setText } from "./dom.js";
import { figureCommands, Figures } from "./figures.js";
import { seconds, timeOfDay } from "./format.js";
import { Hot } from "./hot.js";
import { Keys } from "./keys.js";
import { Overview } from "./overview.js";
import { ask, forgetPassword, hasPassword, PasswordNeeded, rememberPassword, ReplyError, ServerGone } from "./server.js";
import { Shards } from "./shards.js";
import { Slow } from "./slow.js";

const periodMs = 1000;
const figures = new Figures();
const keys = new Keys(guard);
const views = {
  overview: new Overview(),
  shards: new Shards(),
  keys,
  hot: new Hot(openKey),
  command: new CommandBox(guard),
  clients: new Clients(guard),
  slow: new Slow(),
};
const names = Object.keys(views);

let current = null;
let paused = false;
let timer = 0;
let asking = false;
let goneSince = null;
let signingIn = null;

/** Runs what a person asked for: a password is asked for if it is needed, what goes wrong is said. */
async function guard(work, onError = (error) => announce(error.message)) {
  try {
    await work();
  } catch (error) {
    if (error instanceof PasswordNeeded) {
      await signIn();
      return guard(work, onError);
    }
    if (!(error instanceof ServerGone)) throw error;
    onError(error);
  }
}

function openKey(database, key) {
  const select = byId("scan-database");
  if (![...select.options].some((option) => option.value === String(database))) select.add(new Option(String(database)));
  select.value = String(database);
  location.hash = "#keys";
  show();
  keys.open(database, key).then(() => byId("value-title").focus());
}

// One sign-in at a time, whoever needs it.
function signIn() {
  signingIn ??= new Promise((resolve) => {
    byId("login-error").textContent = hasPassword() ? "That was not the password." : "";
    forgetPassword();
    byId("password").value = "";
    byId("login").showModal();
    byId("password").focus();
    byId("login-form").addEventListener("submit", (event) => {
      event.preventDefault();
      rememberPassword(byId("password").value);
      byId("password").value = "";
      byId("login").close();
      signingIn = null;
      resolve();
    }, { once: true });
  });
  return signingIn;
}

async function tick() {
  clearTimeout(timer);
  if (asking || paused || document.hidden) return;
  asking = true;
  const begun = performance.now();
  const view = views[current];
  try {
    const more = view.commands();
    const replies = await ask([...figureCommands, ...more]);
    // Somebody has paused the page meanwhile: what it shows stands still.
    if (paused) return;
    const failed = replies.slice(0, figureCommands.length).find((reply) => reply instanceof ReplyError);
    if (failed) throw new ServerGone(failed.text);
    figures.add(replies);
    showLive(figureCommands.length + more.length);
    if (view === views[current]) view.update(replies.slice(figureCommands.length), figures);
  } catch (error) {
    if (error instanceof PasswordNeeded) {
      figures.interrupt();
      setState("waiting", "Waiting for the password");
      await signIn();
    } else if (error instanceof ServerGone) showGone(error);
    else {
      setState("gone", "This page has failed: " + error.message);
      throw error;
    }
  } finally {
    asking = false;
    schedule(begun);
  }
}

function schedule(begun) {
  if (!paused && !document.hidden) timer = setTimeout(tick, Math.max(100, periodMs - (performance.now() - begun)));
}

function setState(state, text) {
  byId("connection").dataset.state = state;
  setText(byId("connection-text"), text);
}

function showLive(commands) {
  const { info } = figures;
  setText(byId("version"), info.memstore_version);
  const trouble = troubleOf(info);
  setState(trouble ? "waiting" : "live", `${location.hostname}:${info.tcp_port}, up ${seconds(figures.number("uptime_in_seconds"))}`);
  setText(byId("cost"), `This page asks once a second, with ${commands} commands in one request; they are part of the figures.`);
  showTrouble(trouble);
  if (goneSince === null) return;
  goneSince = null;
  announce("The server answers again");
}

// What hinders clients while the server answers; null if nothing does.
function troubleOf(info) {
  if (info.loading === "1") return `The server is loading its data: ${Math.floor(Number(info.loading_loaded_perc ?? 0))} % done. Until then clients are told LOADING.`;
  if (info.aof_last_write_status === "err") return `Writes are refused: ${info.journal_last_error || "the journal cannot be written"}`;
  if (info.rdb_last_bgsave_status === "err") return "The last image could not be written; the server's log says why.";
  return null;
}

function showTrouble(text) {
  const box = byId("gone");
  box.hidden = text === null;
  if (text !== null) setText(box, text);
}

function showGone(error) {
  figures.interrupt();
  setState("gone", "No answer");
  if (goneSince === null) {
    goneSince = Date.now();
    announce("The server does not answer");
  }
  showTrouble(`The server has not answered since ${timeOfDay(goneSince)} (${error.message}). What is shown is what it said before; asking again every second.`);
}

function show() {
  const asked = location.hash.slice(1);
  const name = names.includes(asked) ? asked : names.includes(current) ? current : names[0];
  if (name === current) return;
  current = name;
  for (const other of names) byId(`view-${other}`).hidden = other !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#" + name) {
      link.setAttribute("aria-current", "page");
      // On a narrow screen the views do not stand side by side.
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  document.title = `${byId("title-" + name).textContent} – Memstore`;
  views[name].show?.();
  tick();
}

function go(name) {
  location.hash = "#" + name;
  show();
  if (name !== "command") byId("title-" + name).focus();
}

const themes = ["system", "dark", "light"];
const chosenTheme = () => localStorage.getItem("memstore.theme") ?? "system";

function setTheme(theme) {
  localStorage.setItem("memstore.theme", theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(byId("theme"), `Theme: ${theme}`);
}

function nextTheme() {
  setTheme(themes[(themes.indexOf(chosenTheme()) + 1) % themes.length]);
}

function togglePause() {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  setText(byId("pause"), paused ? "Go on" : "Pause");
  figures.interrupt();
  if (paused) setState("waiting", "Paused");
  else tick();
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
  const isField = event.target.closest("input:not([type=radio]), select, textarea");
  if (isField) {
    if (event.key === "Escape" && !event.defaultPrevented) event.target.blur();
    return;
  }
  const number = Number(event.key);
  if (number >= 1 && number <= names.length) go(names[number - 1]);
  else if (event.key === "/") go("command");
  else if (event.key === "f") {
    go("keys");
    byId("scan-match").focus();
  } else if (event.key === "p") togglePause();
  else if (event.key === "t") nextTheme();
  else if (event.key === "?") byId("keyboard").showModal();
  else return;
  event.preventDefault();
}

byId("pause").addEventListener("click", togglePause);
byId("theme").addEventListener("click", nextTheme);
byId("shortcuts").addEventListener("click", () => byId("keyboard").showModal());
byId("hot-by").addEventListener("change", tick);
// A password is asked for until there is one.
byId("login").addEventListener("cancel", (event) => event.preventDefault());
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => {
  figures.interrupt();
  if (!document.hidden) tick();
});
addEventListener("hashchange", show);
setTheme(chosenTheme());
show();
