// Where one writes: a text, and pictures beside it. What is in it is lost only by being sent.

import { shortName } from "./chatapi.js";
import { pictured, readPicture } from "./chatpictures.js";
import { element } from "./elements.js";

const DRAFT = "claude-ollama-draft";
const MODEL = "claude-ollama-model";

const [form, text, list, files, problem, editing, send, stop, model, think] = [
  ...["composer", "text", "attachments", "files", "attachment-problem", "editing", "send", "stop", "model", "think"],
].map((id) => document.getElementById(id));

let images = [];
let edited = null; // the exchange whose question is being edited
let before = null; // what was written before it
let models = new Map();

/** `on` has what happens: send({ text, images }, options, edited), stop(). */
export function openComposer(on) {
  text.value = sessionStorage.getItem(DRAFT) ?? "";
  text.addEventListener("input", () => sessionStorage.setItem(DRAFT, text.value));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !send.disabled) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    if (!send.disabled) on.send({ text: text.value, images }, options(), edited);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && !stop.hidden && on.stop());
  stop.addEventListener("click", on.stop);
  document.getElementById("keep-as-is").addEventListener("click", leave);
  document.getElementById("attach").addEventListener("click", () => files.click());
  files.addEventListener("change", () => take(files.files).then(() => (files.value = "")));
  model.addEventListener("change", () => {
    sessionStorage.setItem(MODEL, model.value);
    fit();
  });
  dropped(document.getElementById("talk"));
  text.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
}

/** The models to choose from, by name, with what they are capable of. */
export function offerModels(found) {
  models = found;
  const chosen = model.value || (sessionStorage.getItem(MODEL) ?? "");
  model.replaceChildren(model.firstElementChild, ...[...models.keys()].map((name) => element("option", { value: name }, name)));
  choose(chosen);
}

/** Choose a model, where it is there. */
export function choose(name) {
  if (models.has(shortName(name))) model.value = shortName(name);
  fit();
}

/** An answer is on its way, or none is. */
export function busy(is) {
  send.hidden = is;
  send.disabled = is;
  stop.hidden = !is;
}

/** What was written has been sent. */
export function clear() {
  edited = before = null;
  editing.hidden = true;
  fill({ text: "", images: [] });
}

/** Take the question of an exchange up again. */
export function edit(exchange) {
  before ??= { text: text.value, images };
  edited = exchange;
  editing.hidden = false;
  fill(exchange.question);
  text.focus();
}

/** Leave a question as it was, if one was being edited. */
export function leave() {
  if (edited === null) return;
  const draft = before;
  clear();
  fill(draft);
  text.focus();
}

function fill(question) {
  text.value = question.text;
  images = [...question.images];
  sessionStorage.setItem(DRAFT, text.value);
  showImages();
}

/** What is chosen beside the text, as a message has it. */
export function options() {
  const chosen = {};
  if (model.value) chosen.model = model.value;
  if (think.value && !think.disabled) chosen.think = think.value === "false" ? false : think.value;
  return chosen;
}

function fit() {
  think.disabled = models.has(model.value) && !models.get(model.value).includes("thinking");
}

async function take(chosen) {
  problem.hidden = true;
  for (const file of chosen) {
    try {
      images = [...images, await readPicture(file)];
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }
  showImages();
}

function showImages() {
  list.hidden = !images.length;
  list.replaceChildren(
    ...images.map((data, index) =>
      element("li", {}, pictured(data), element("button", { type: "button", class: "small", "aria-label": `Remove picture ${index + 1}`, click: () => remove(index) }, "×")),
    ),
  );
}

function remove(index) {
  images = images.filter((_, each) => each !== index);
  showImages();
  (list.querySelector("button") ?? text).focus();
}

function dropped(place) {
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (is) => place.classList.toggle("dropping", is);
  place.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(true);
  });
  place.addEventListener("dragleave", (event) => !place.contains(event.relatedTarget) && mark(false));
  place.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(false);
    take(event.dataTransfer.files);
  });
}
