// The inspector: everything that is known of one request, in a dialog.

import { askJson } from "./api.js";
import { element, facts } from "./elements.js";
import { count, dollars, milliseconds, seconds, time } from "./words.js";

const dialog = document.getElementById("inspector");
const body = dialog.querySelector(".body");
const title = dialog.querySelector("h2");
dialog.querySelector("button").addEventListener("click", () => dialog.close());

export async function inspect(id) {
  title.textContent = `Request ${id}`;
  body.replaceChildren(element("p", { class: "busy", role: "status" }, "Reading…"));
  dialog.showModal();
  try {
    const request = await askJson(`/admin/requests/${encodeURIComponent(id)}`);
    body.replaceChildren(...shown(request));
  } catch (error) {
    body.replaceChildren(element("p", { class: "notice bad", role: "alert" }, error.message));
  }
}

function shown(request) {
  return [
    facts([
      ["Began", `${time(request.began_at)} (${request.began_at})`],
      ["Route", `${request.method} ${request.path}`],
      ["Caller", request.caller || request.client || "unknown"],
      ["Address", request.client],
      ["Model", request.model],
      ["Answered by", request.answered_by],
      ["Status", request.status ?? "none yet"],
      ["End", request.ended ?? "it runs"],
      ["Error", request.error],
      ["Whose fault", request.fault],
      ["Reason", request.reason],
      ["Not honoured", request.unsupported.join(", ")],
      ["Whole duration", seconds(request.seconds)],
      ["Getting a process", timing(request.load_ms)],
      ["To the first token", timing(request.first_token_ms)],
      ["First to last token", timing(request.eval_ms)],
      ["Tokens", request.output_tokens === null ? null : `${count(request.prompt_tokens)} in, ${count(request.output_tokens)} out`],
      ["Tokens per second", rate(request)],
      ["Cost", request.dollars ? dollars(request.dollars) : null],
      ...Object.entries(request.more).map(([name, value]) => [name.replaceAll("_", " "), JSON.stringify(value)]),
    ]),
    ...contents(request),
  ];
}

function contents({ contents: kept, contents_shown: may }) {
  const heading = element("h3", { class: "apart" }, "Contents");
  if (!may) return [heading, element("p", { class: "soft" }, "Prompts and answers are not kept: the operator turns that on with keep_contents, and an admin key may be needed.")];
  if (!kept) return [heading, element("p", { class: "soft" }, "None are kept of this request.")];
  const said = [
    ...kept.messages.map((message) => [message.role, message.text]),
    ["answer", kept.text],
    ...kept.calls.map((call) => [`call of ${call.name}`, call.arguments]),
  ];
  const parts = said.flatMap(([who, text]) => [element("p", { class: "soft who" }, who), element("pre", { tabindex: 0 }, text)]);
  return [heading, ...parts, ...(kept.cut ? [element("p", { class: "soft" }, "There was more than is kept.")] : [])];
}

function timing(value) {
  return value === null ? null : milliseconds(value);
}

function rate({ output_tokens: tokens, eval_ms: duration }) {
  return tokens && duration ? count(tokens / (duration / 1000)) : null;
}
