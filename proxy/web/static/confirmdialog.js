// Asks before something is done that cannot be undone; resolves to whether it should be.

import { element } from "./elements.js";

export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const dialog = element(
      "dialog",
      { class: "dialog small", "aria-labelledby": "confirm-title", close: () => finish() },
      element("header", {}, element("h2", { id: "confirm-title" }, title)),
      element("p", {}, text),
      element(
        "form",
        { method: "dialog", class: "row" },
        element("button", { value: "no", autofocus: true }, "Cancel"),
        element("button", { value: "yes", class: "primary" }, action),
      ),
    );
    function finish() {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}
