// One conversation, as the page knows it: exchanges of a question and its answer. Nothing here is drawn or sent.
//
// An exchange is { at, question: { text, images }, answer: { text, thinking, model, metrics }, state, why }. `at` is how
// many messages of the kept chat come before it; its state is "kept", "running", "stopped" or "failed": of the last two
// the daemon has kept nothing. Images are base64.

import { freshId } from "./chatid.js";

const NO_TITLE = "New chat";

export class Conversation {
  constructor(id = "") {
    this.id = id;
    this.title = NO_TITLE;
    this.system = "";
    this.exchanges = [];
    this.begun = false; // the daemon keeps it
    this.running = null; // what stops the answer that is on its way
  }

  /** A kept chat. */
  static of({ chat_id: id, history }) {
    const [system, ...messages] = history.messages;
    const made = new Conversation(id);
    made.system = system.content;
    made.begun = true;
    messages.forEach((message, index) => made.#take(message, index));
    made.#name();
    return made;
  }

  get kept() {
    return this.exchanges.filter((exchange) => exchange.state === "kept");
  }

  /** Whether something is here that the daemon does not have. */
  get precious() {
    return this.running !== null || this.exchanges.some((exchange) => exchange.state !== "kept");
  }

  /** Whether a question can be asked in its place: not where nothing of it is kept, and others follow. */
  replaceable(exchange) {
    return exchange.state === "kept" || this.exchanges.at(-1) === exchange;
  }

  /** Ask a question after all others, or in place of the exchange `instead` and all that follow it. */
  ask(question, instead = null) {
    this.id ||= freshId();
    const place = instead ? this.exchanges.indexOf(instead) : this.exchanges.length;
    const last = this.kept.at(-1);
    const at = instead ? instead.at : last ? last.at + last.messages : 0;
    const asked = { at, messages: 2, question, answer: { text: "", thinking: "" }, state: "running", why: "" };
    asked.replaced = this.exchanges.splice(place, Infinity, asked);
    this.#name();
    return asked;
  }

  /** The whole answer is there, and kept: what it took the place of is gone. */
  keep(exchange, metrics) {
    exchange.answer.metrics = metrics;
    exchange.answer.model = metrics.model;
    exchange.state = "kept";
    exchange.replaced = [];
    this.exchanges = this.exchanges.filter((each) => each === exchange || each.state !== "kept" || each.at < exchange.at);
    this.begun = true;
    this.#name();
  }

  /** The answer was "stopped", or "failed" for a reason: the daemon still has what it should have taken the place of. */
  end(exchange, state, why) {
    exchange.state = state;
    exchange.why = why;
    // An attempt that this one repeats is told by this one.
    const still = exchange.replaced.filter((each, index) => index || each.state === "kept");
    this.exchanges.splice(this.exchanges.indexOf(exchange), 0, ...still);
    exchange.replaced = [];
  }

  /** What to send for an exchange: with `keep` where it takes the place of something, or may have been kept unseen. */
  message(exchange, again) {
    const { text, images } = exchange.question;
    return {
      message: text,
      chat_id: this.id,
      ...(images.length ? { images } : {}),
      ...(again ? { keep: exchange.at } : {}),
    };
  }

  #take(message, index) {
    const last = this.exchanges.at(-1);
    if (message.role === "user" || !last) {
      const question = message.role === "user" ? { text: message.content, images: message.images ?? [] } : { text: "", images: [] };
      this.exchanges.push({ at: index, messages: 0, question, answer: { text: "", thinking: "" }, state: "kept", why: "", replaced: [] });
    }
    const exchange = this.exchanges.at(-1);
    exchange.messages += 1;
    if (message.role === "user") return;
    exchange.answer.text += message.content;
    exchange.answer.thinking += message.thinking ?? "";
    exchange.answer.model = message.model;
  }

  #name() {
    this.title = this.exchanges[0]?.question.text.trim().split("\n")[0].slice(0, 80) || NO_TITLE;
  }
}
