// Asks for a key, in a dialog; resolves once there is one to try.

import { key } from "./api.js";
import { element } from "./elements.js";

export function askForKey(why) {
  return new Promise((resolve) => {
    const field = element("input", { type: "password", id: "key", name: "key", autocomplete: "off", required: true, autofocus: true });
    const dialog = element(
      "dialog",
      { class: "dialog", "aria-labelledby": "key-title", cancel: (event) => event.preventDefault() },
      element("header", {}, element("h2", { id: "key-title" }, "An API key is needed")),
      element("p", {}, why),
      element(
        "form",
        {
          submit: (event) => {
            event.preventDefault();
            key.keep(field.value.trim());
            dialog.close();
            dialog.remove();
            resolve();
          },
        },
        element("label", { for: "key" }, "Key"),
        element("p", { class: "row" }, field, element("button", { class: "primary" }, "Use it")),
        element("p", { class: "soft" }, "It is kept in this tab until that is closed, and sent to this daemon alone."),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
