// A conversation as one reads it. Each exchange is an article that fills while its answer comes.

import { shortName } from "./chatapi.js";
import { copyButton } from "./chatcopy.js";
import { Markup } from "./chatmarkup.js";
import { Meter } from "./chatmeter.js";
import { pictured } from "./chatpictures.js";
import { element } from "./elements.js";

const METER_EVERY = 200; // milliseconds
const NEAR = 80; // pixels from its end at which the transcript follows

/** The transcript of a conversation; `on` has what the buttons do: edit, again. */
export class Transcript {
  constructor(conversation, on) {
    this.conversation = conversation;
    this.on = on;
    this.views = new Map();
    this.none = element("p", { class: "soft empty" }, "Nothing has been said yet.");
    this.first = element("details", { class: "aside", hidden: !conversation.system }, element("summary", {}, "System prompt"), element("p", { class: "plain" }, conversation.system));
    this.element = element("div", { class: "exchanges" });
    this.show();
  }

  /** Show the exchanges that there are now; those that are shown already stay as they are. */
  show() {
    const { exchanges } = this.conversation;
    const views = exchanges.map((exchange) => this.view(exchange));
    const wanted = [this.first, ...(views.length ? views.map((view) => view.element) : [this.none])];
    // What stays in its place keeps the focus.
    const same = wanted.length === this.element.children.length && wanted.every((each, index) => each === this.element.children[index]);
    if (!same) this.element.replaceChildren(...wanted);
    for (const exchange of this.views.keys()) if (!exchanges.includes(exchange)) this.views.delete(exchange);
    for (const view of views) view.settle(this.conversation);
  }

  view(exchange) {
    if (!this.views.has(exchange)) this.views.set(exchange, new ExchangeView(exchange, this.on));
    return this.views.get(exchange);
  }

  /** Render what a kept chat has, the newest first: that is what one sees. */
  async render() {
    for (const view of [...this.views.values()].reverse()) await view.render();
  }
}

/** A function that shows an element in one that scrolls, whose end stays in sight until somebody scrolls away from it. */
export function showing(scroller) {
  let near = true;
  const follow = () => near && scroller.scrollTo(0, scroller.scrollHeight);
  const watcher = new ResizeObserver(follow);
  scroller.addEventListener("scroll", () => {
    near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  });
  return (content) => {
    watcher.disconnect();
    scroller.replaceChildren(content);
    for (const each of [scroller, content]) watcher.observe(each);
    near = true;
    follow();
  };
}

class ExchangeView {
  constructor(exchange, on) {
    this.exchange = exchange;
    this.on = on;
    this.thinking = element("div", { class: "plain" });
    this.fold = element("details", { class: "aside", hidden: true }, element("summary", {}, "Thinking"), this.thinking);
    this.markup = new Markup();
    this.facts = element("p", { class: "soft facts" });
    this.actions = element("p", { class: "row actions" });
    this.notice = element("div", {});
    this.element = element(
      "article",
      { class: "exchange" },
      this.#question(),
      element("div", { class: "answer" }, element("h2", { class: "who" }, "Answer"), this.fold, this.markup.element, this.notice, this.facts, this.actions),
    );
    const { text, thinking } = exchange.answer;
    if (thinking) this.think(thinking);
    if (text) this.markup.rest.textContent = this.markup.text = text;
  }

  #question() {
    const { text, images } = this.exchange.question;
    return element(
      "div",
      { class: "question" },
      element("h2", { class: "who" }, "You"),
      ...(images.length ? [element("p", { class: "row pictures" }, ...images.map(pictured))] : []),
      element("p", { class: "plain" }, text),
    );
  }

  /** The answer begins: its meter runs until it ends. */
  begin() {
    this.meter = new Meter();
    this.element.setAttribute("aria-busy", "true");
    this.facts.classList.add("busy");
    const tick = () => (this.facts.textContent = this.meter.words);
    tick();
    this.ticking = setInterval(tick, METER_EVERY);
  }

  think(piece) {
    this.fold.hidden = false;
    this.thinking.append(piece);
  }

  write(piece) {
    this.markup.add(piece);
  }

  /** The answer has ended, well or not. */
  end() {
    clearInterval(this.ticking);
    this.meter.end();
    this.element.removeAttribute("aria-busy");
    this.facts.classList.remove("busy");
    return this.render();
  }

  render() {
    return this.markup.finish();
  }

  /** Say how the exchange stands, and offer what can be done with it. */
  settle(conversation) {
    const { state, why, answer, question } = this.exchange;
    const replaceable = conversation.replaceable(this.exchange);
    const last = conversation.exchanges.at(-1) === this.exchange;
    const standing = [state, replaceable, last].join();
    if (standing === this.standing) return;
    this.standing = standing;
    if (state === "running") {
      this.actions.replaceChildren();
      return;
    }
    this.element.classList.toggle("unkept", state !== "kept");
    this.facts.textContent = answer.metrics && this.meter ? this.meter.whole(answer.metrics) : state === "kept" ? shortName(answer.model ?? "") : "";
    const told = { failed: ["bad", why], stopped: ["", "Stopped. The chat is as it was before this question."] }[state];
    this.notice.replaceChildren(...(told ? [element("p", { class: `notice ${told[0]}` }, told[1])] : []));
    this.actions.replaceChildren(
      ...(answer.text ? [copyButton("Copy", () => answer.text)] : []),
      ...(question.text && (last || state !== "kept")
        ? [element("button", { type: "button", class: "small", click: () => this.on.again(this.exchange) }, state === "kept" ? "Regenerate" : "Try again")]
        : []),
      ...(question.text && replaceable
        ? [element("button", { type: "button", class: "small", click: () => this.on.edit(this.exchange) }, "Edit question")]
        : []),
    );
  }
}
