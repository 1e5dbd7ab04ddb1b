// The live log: the newest line is the last one, and stays in sight while one is at the end.

import { element } from "./elements.js";
import { time } from "./words.js";

const MOST = 500;
const LEVELS = ["debug", "info", "warning", "error"];
const NEAR = 8; // pixels from the end that count as being there

const list = document.getElementById("log");
const level = document.getElementById("level");
const pause = document.getElementById("pause");

let held = [];

/** The lines that there are, newest first. */
export function showLines(lines) {
  list.replaceChildren(...lines.toReversed().map(made));
  list.scrollTop = list.scrollHeight;
}

export function showLine(line) {
  if (paused()) {
    held = [...held, line].slice(-MOST);
    pause.textContent = `Go on (${held.length})`;
    return;
  }
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
  list.append(made(line));
  while (list.children.length > MOST) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function made(line) {
  const rest = Object.entries(line.fields).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const kind = { warning: "warn", error: "bad" }[line.level] ?? "";
  const shown = element("li", {}, element("span", { class: "soft" }, time(line.at)), " ", element("span", { class: `event ${kind}` }, line.event), ` ${rest.join(" ")}`);
  shown.dataset.level = line.level;
  shown.hidden = tooLow(line.level);
  return shown;
}

function tooLow(name) {
  return LEVELS.indexOf(name) < LEVELS.indexOf(level.value);
}

function paused() {
  return pause.getAttribute("aria-pressed") === "true";
}

level.addEventListener("change", () => {
  for (const line of list.children) line.hidden = tooLow(line.dataset.level);
  list.scrollTop = list.scrollHeight;
});

pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!paused()));
  pause.textContent = paused() ? "Go on" : "Pause";
  const waiting = held;
  held = [];
  if (!paused()) waiting.forEach(showLine);
});
