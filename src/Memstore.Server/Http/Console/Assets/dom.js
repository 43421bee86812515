// Elements without markup: what comes from the server only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: attributes, "text", "on…" handlers; then its children. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Makes an element of SVG. */
export function drawing(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** Changes a text only if it is another one: selections and screen readers are not disturbed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The element of the page with an id. */
export const byId = (id) => document.getElementById(id);

/** Says something to those who hear the page and do not see it. */
export function say(text) {
  const region = byId("announcement");
  region.textContent = "";
  region.textContent = text;
}

/** Says something to all, once: what an action did, that the server has gone. */
export function announce(text) {
  say(text);
  byId("toast").textContent = text;
  byId("toast").hidden = false;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => { byId("toast").hidden = true; }, 4000);
}

// Ends the question that is asked.
let answer = null;

/** Asks before something that cannot be undone; resolves to whether it was confirmed. */
export function confirm(title, detail, action) {
  const dialog = byId("confirm");
  // Who is quick asks again before the browser has told that the last question was answered.
  answer?.();
  byId("confirm-title").textContent = title;
  byId("confirm-detail").textContent = detail;
  byId("confirm-yes").textContent = action;
  const before = document.activeElement;
  dialog.returnValue = "";
  dialog.showModal();
  byId("confirm-no").focus();
  return new Promise((resolve) => {
    answer = () => {
      answer = null;
      before?.focus?.();
      resolve(dialog.returnValue === "yes");
    };
  });
}

byId("confirm").addEventListener("close", (event) => {
  if (!event.target.open) answer?.();
});
