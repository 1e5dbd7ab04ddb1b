// The kept chats: links to them, found by what was said in them. On a narrow page they are behind a button.

import { chats } from "./chatapi.js";
import { element } from "./elements.js";

const PATIENCE = 250; // milliseconds after the last key before a search begins

const [sidebar, list, state, search, opener] = ["sidebar", "chats", "chats-state", "search", "show-chats"].map((id) =>
  document.getElementById(id),
);
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

let asked = null;
let shown = [];
let current = "";

export function openSidebar() {
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, PATIENCE);
  });
  opener.addEventListener("click", () => unfold(opener.getAttribute("aria-expanded") === "false"));
  list.addEventListener("click", (event) => event.target.closest("a") && unfold(false));
  document.getElementById("hide-chats").addEventListener("click", () => {
    unfold(false);
    opener.focus();
  });
}

/** Ask for the kept chats anew. An answer that comes after a later question is not shown. */
export async function refresh() {
  asked?.abort();
  const mine = (asked = new AbortController());
  say("Reading…", "busy");
  try {
    const found = await chats(search.value.trim(), mine.signal);
    if (mine !== asked) return;
    shown = found;
    draw();
    const none = search.value.trim() ? "No kept chat has this in it." : "No chat is kept yet.";
    say(shown.length ? "" : none, "soft");
  } catch (error) {
    if (mine !== asked || error.name === "AbortError") return;
    const again = element("button", { type: "button", class: "small", click: refresh }, "Try again");
    state.replaceChildren(`The kept chats could not be read: ${error.message} `, again);
    state.className = "bad";
    state.hidden = false;
  }
}

/** Whether there is a kept chat of that id, as far as is known. */
export function isKept(id) {
  return shown.some((chat) => chat.id === id);
}

/** Mark the chat that is open. */
export function mark(id) {
  current = id;
  draw();
}

export function unfold(is) {
  sidebar.classList.toggle("open", is);
  opener.setAttribute("aria-expanded", is);
  if (is && getComputedStyle(opener).display !== "none") search.focus();
}

function draw() {
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  list.replaceChildren(...shown.map(item));
  if (focused) list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

function item(chat) {
  return element(
    "li",
    {},
    element(
      "a",
      { href: `#${chat.id}`, ...(chat.id === current ? { "aria-current": "true" } : {}) },
      element("span", { class: "name" }, chat.title || chat.id),
      element("span", { class: "soft" }, `${day.format(new Date(chat.last_updated))} · ${chat.id}`),
    ),
  );
}

function say(text, kind) {
  state.textContent = text;
  state.className = kind;
  state.hidden = !text;
}
