// Recent requests: a table whose rows stay as they are when new ones come, so that nobody loses their place.

import { element, number, row, td } from "./elements.js";
import { inspect } from "./inspector.js";
import { count, dollars, milliseconds, seconds, time } from "./words.js";

const MOST = 200;

const rows = document.getElementById("requests");
const none = document.getElementById("requests-none");
const failedOnly = document.getElementById("failed-only");

export function showRequests(requests) {
  rows.replaceChildren(...requests.map(made));
  tellOfNone();
}

export function showRequest(request) {
  rows.prepend(made(request));
  while (rows.children.length > MOST) rows.lastElementChild.remove();
  tellOfNone();
}

function made(request) {
  const first = request.first_token_ms === null ? null : request.load_ms + request.first_token_ms;
  const name = `${request.method} ${request.path}`;
  const button = element("button", { type: "button", class: "plain", click: () => inspect(request.id), "aria-label": `Inspect ${name} of ${time(request.began_at)}` }, name);
  const line = row(
    td(time(request.began_at)),
    td(button, { class: "request" }),
    td(request.model || "–"),
    td(request.caller || request.client || "–"),
    td(end(request), { class: request.failed ? "bad" : "" }),
    number(milliseconds(first)),
    number(seconds(request.seconds)),
    number(request.output_tokens === null ? "–" : `${count(request.prompt_tokens)} + ${count(request.output_tokens)}`),
    number(request.dollars ? dollars(request.dollars) : "–"),
  );
  line.dataset.failed = request.failed;
  line.hidden = failedOnly.checked && !request.failed;
  return line;
}

function end(request) {
  const said = `${request.status || ""} ${(request.ended ?? "").replaceAll("_", " ")}`.trim();
  return request.unsupported.length ? `${said}; not honoured: ${request.unsupported.join(", ")}` : said;
}

function tellOfNone() {
  const shown = [...rows.children].some((line) => !line.hidden);
  none.hidden = shown;
  none.className = "soft";
  none.textContent = failedOnly.checked ? "None has failed." : "There was none yet.";
}

failedOnly.addEventListener("change", () => {
  for (const line of rows.children) line.hidden = failedOnly.checked && line.dataset.failed !== "true";
  tellOfNone();
});
