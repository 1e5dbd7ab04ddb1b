// Buttons that copy.

import { element } from "./elements.js";

const SHOWN = 1500; // milliseconds for which a button says that it worked

export function copyButton(label, text) {
  const button = element("button", { type: "button", class: "small", click: copy }, label);
  async function copy() {
    const worked = await copied(text(), button);
    button.textContent = worked ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = label), SHOWN);
  }
  return button;
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text, button);
  }
}

/** As it was done before: a page without TLS has no clipboard. */
function copiedByHand(text, button) {
  const field = element("textarea", { class: "unseen" });
  field.value = text;
  button.after(field);
  field.select();
  const worked = document.execCommand("copy");
  field.remove();
  button.focus();
  return worked;
}
