// The chat page: opens conversations, sends what is written, and shows what comes. The address says which chat is open.

import * as daemon from "./chatapi.js";
import { busy, choose, clear, edit, leave, offerModels, openComposer, options } from "./chatcomposer.js";
import { Conversation } from "./chatconversation.js";
import { saveJson, saveMarkdown } from "./chatexport.js";
import { isKept, mark, openSidebar, refresh, unfold } from "./chatsidebar.js";
import { showing, Transcript } from "./chattranscript.js";
import { confirmed } from "./confirmdialog.js";
import { element } from "./elements.js";

const TOLD = 600; // characters of an answer that are read out at its end

const [place, title, idField, more, announcer, text] = ["transcript", "title", "chat-id", "more", "announcer", "text"].map((id) =>
  document.getElementById(id),
);

const showIn = showing(place);

let open = new Conversation();
const transcripts = new Map(); // of conversations that are open, or have what the daemon does not have

function transcriptOf(conversation) {
  if (!transcripts.has(conversation)) transcripts.set(conversation, new Transcript(conversation, { again, edit }));
  return transcripts.get(conversation);
}

/** Open the chat that the address names, or a new one. */
async function follow() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id === open.id && id) return;
  leave();
  unfold(false);
  const here = [...transcripts.keys()].find((each) => each.id === id && id && each.precious);
  if (here || !id) return show(here ?? new Conversation());
  const waiting = new Conversation(id);
  show(waiting);
  showIn(element("p", { class: "busy", role: "status" }, "Reading the chat…"));
  try {
    const found = Conversation.of(await daemon.chat(id));
    if (open === waiting) show(found);
    await transcriptOf(found).render();
  } catch (error) {
    if (open !== waiting) return;
    if (error.status === 404) show(waiting);
    else complain(`The chat could not be read: ${error.message}`, () => (show(new Conversation()), follow()));
  }
}

function show(conversation) {
  for (const each of transcripts.keys()) if (!each.precious && each !== conversation) transcripts.delete(each);
  open = conversation;
  showIn(transcriptOf(conversation).element);
  const model = conversation.kept.at(-1)?.answer.model;
  if (model) choose(model);
  head();
  mark(conversation.id);
}

/** What stands above the transcript, and the buttons that depend on how the chat stands. */
function head() {
  title.textContent = open.title;
  idField.value = open.id;
  idField.readOnly = open.exchanges.length > 0;
  more.hidden = !open.begun;
  busy(open.running !== null);
}

function complain(why, retry) {
  showIn(element("p", { class: "notice bad row", role: "alert" }, `${why} `, element("button", { type: "button", click: retry }, "Try again")));
}

function send(question, wishes, edited) {
  if (!open.id) {
    if (!idField.reportValidity()) return;
    open.id = idField.value.trim();
  }
  const instead = edited && open.replaceable(edited) ? edited : null;
  clear();
  run(open, question, wishes, instead);
}

function again(exchange) {
  if (open.running) return;
  run(open, exchange.question, options(), open.replaceable(exchange) ? exchange : null);
}

/** Ask, and show the answer as it comes; the page may show another chat meanwhile. */
async function run(conversation, question, wishes, instead) {
  const exchange = conversation.ask(question, instead);
  const transcript = transcriptOf(conversation);
  const view = transcript.view(exchange);
  const stopper = (conversation.running = new AbortController());
  history.replaceState(null, "", `#${conversation.id}`);
  transcript.show();
  view.begin();
  if (conversation === open) showIn(transcript.element);
  head();
  text.focus();
  say("The question was sent.");
  try {
    const metrics = await receive(conversation, exchange, view, wishes, instead !== null);
    conversation.keep(exchange, metrics);
    if (conversation === open) say(`Answer: ${exchange.answer.text.slice(0, TOLD)}`);
  } catch (error) {
    conversation.end(exchange, ...(stopper.signal.aborted ? ["stopped", ""] : ["failed", reason(error)]));
    if (conversation === open) say(stopper.signal.aborted ? "The answer was stopped." : `The answer failed: ${exchange.why}`);
  }
  conversation.running = null;
  const rendered = view.end();
  transcript.show();
  if (conversation === open) head();
  refresh();
  mark(open.id);
  await rendered;
}

/** The metrics of an answer, once it is whole. */
async function receive(conversation, exchange, view, wishes, instead) {
  const message = { ...conversation.message(exchange, instead), ...wishes };
  for await (const event of daemon.answer(message, conversation.running.signal)) {
    if (event.type === "error") throw new Error(event.message);
    if (event.type === "metrics") return event;
    if (event.type === "status") continue;
    view.meter.heard(event.content);
    if (event.type === "thinking") view.think(event.content);
    else view.write(event.content);
    exchange.answer[event.type === "thinking" ? "thinking" : "text"] += event.content;
  }
  throw new Error("the connection ended before the answer did");
}

function reason(error) {
  // A failed fetch has no words for people.
  return error instanceof TypeError ? "The daemon does not answer." : error.message;
}

/** For those who have it read to them: once for each thing that happens. */
function say(words) {
  announcer.textContent = words;
}

async function remove() {
  const conversation = open;
  more.open = false;
  if (!(await confirmed("Delete this chat?", `“${conversation.title}” is deleted for good.`, "Delete"))) return;
  try {
    await daemon.forget(conversation.id);
  } catch (error) {
    if (error.status !== 404) return alarm(`The chat could not be deleted: ${reason(error)}`);
  }
  say("The chat was deleted.");
  transcripts.delete(conversation);
  history.replaceState(null, "", "#");
  show(new Conversation());
  text.focus();
  refresh();
}

async function exported(save) {
  more.open = false;
  try {
    save(await daemon.chat(open.id), open.title);
  } catch (error) {
    alarm(`The chat could not be exported: ${reason(error)}`);
  }
}

/** Say above the composer what went wrong, until it is closed. */
function alarm(words) {
  const notice = element("p", { class: "notice bad row", role: "alert" }, words, element("button", { type: "button", class: "small", click: () => notice.remove() }, "Close"));
  place.after(notice);
}

async function readModels() {
  try {
    offerModels(await daemon.models());
  } catch (error) {
    alarm(`The models could not be read: ${reason(error)}`);
  }
}

openComposer({ send, stop: () => open.running?.abort() });
openSidebar();
window.addEventListener("hashchange", follow);
idField.addEventListener("change", () => isKept(idField.value) && (location.hash = idField.value));
document.getElementById("new").addEventListener("click", () => setTimeout(() => text.focus()));
document.getElementById("delete").addEventListener("click", remove);
document.getElementById("export-json").addEventListener("click", () => exported(saveJson));
document.getElementById("export-markdown").addEventListener("click", () => exported(saveMarkdown));
show(open);
follow();
readModels();
refresh();
