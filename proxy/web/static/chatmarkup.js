// Text that becomes markup while it grows. The daemon renders it, a few times a second at most; what it has not rendered
// yet stands at its end as plain text. This is the one place of the page that makes elements out of markup.

import { render } from "./chatapi.js";
import { copyButton } from "./chatcopy.js";
import { element } from "./elements.js";

const PAUSE = 350; // milliseconds between the end of a rendering and the next
const SHARE = 4; // and at least so many times as long as that one took

const WITH_TEXT = ["P", "LI", "CODE", "TD", "TH", "H3", "H4", "H5", "H6"];

const policy = globalThis.trustedTypes?.createPolicy("rendered", { createHTML: (html) => html });

export class Markup {
  constructor() {
    this.text = "";
    this.rendered = element("div", { class: "rendered" });
    this.rest = element("span", { class: "plain" });
    this.element = element("div", { class: "markup" }, this.rendered, this.rest);
    this.done = 0; // characters of the text that are rendered
    this.working = null;
  }

  add(piece) {
    this.text += piece;
    this.rest.append(piece);
    this.working ??= this.#render(PAUSE);
  }

  /** Resolves when all of it is rendered, or cannot be. */
  async finish() {
    while (this.done < this.text.length) {
      await this.working;
      const before = this.done;
      this.working = this.#render(0);
      await this.working;
      if (this.done === before) return;
    }
  }

  // One at a time, so a late one cannot take the place of a newer one.
  async #render(pause) {
    const begun = performance.now();
    const text = this.text;
    try {
      if (text) this.#show(await render(text), text.length);
    } catch {
      // It stays plain, which is no loss.
    }
    const took = performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, pause && Math.max(pause, SHARE * took)));
    this.working = null;
    if (pause && this.text.length > text.length) this.working = this.#render(pause);
  }

  #show(html, length) {
    const template = document.createElement("template");
    template.innerHTML = policy ? policy.createHTML(html) : html;
    for (const code of template.content.querySelectorAll("pre")) frame(code);
    this.rendered.replaceChildren(template.content);
    this.rest.textContent = this.text.slice(length);
    endOf(this.rendered, this.element).append(this.rest);
    this.done = length;
  }
}

/** Where a text would go on: in the last block of what is rendered, most of the time. */
function endOf(rendered, otherwise) {
  let last = rendered.lastElementChild;
  while (last && !WITH_TEXT.includes(last.tagName)) last = last.lastElementChild;
  return last ?? otherwise;
}

/** Put a block of code beneath a line with its language and a button that copies it. */
function frame(code) {
  const bar = element("div", { class: "row language" }, element("span", { class: "soft" }, code.dataset.language || "text"));
  const framed = element("div", { class: "code" }, bar);
  code.replaceWith(framed);
  code.tabIndex = 0;
  bar.append(copyButton("Copy code", () => code.textContent));
  framed.append(code);
}
