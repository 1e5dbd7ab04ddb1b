// The daemon's API, asked with a key where one is needed. The key is kept for as long as the tab is open, and no longer.

const KEPT = "claude-ollama-key";
const LAST = "data: [DONE]";

/** The daemon answered with an error; the message is its own. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** It wants a key, or another one than this. */
export class KeyNeeded extends Refused {}

export const key = {
  get: () => sessionStorage.getItem(KEPT) ?? "",
  keep: (secret) => sessionStorage.setItem(KEPT, secret),
  forget: () => sessionStorage.removeItem(KEPT),
};

/** The response to a request, which is a good one. Throws KeyNeeded and Refused, and TypeError where nobody answers. */
export async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key.get()) headers.set("authorization", `Bearer ${key.get()}`);
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.ok) return response;
  const message = await messageOf(response);
  if (response.status === 401 || response.status === 403) throw new KeyNeeded(response.status, message);
  throw new Refused(response.status, message);
}

export async function askJson(path, options) {
  return (await ask(path, options)).json();
}

/** A request with a body. */
export function posted(body) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** Server-sent events, as [name, value] pairs, until the stream ends or the signal of the options aborts it. */
export async function* follow(path, options) {
  const response = await ask(path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const text of events) {
      if (text === LAST) return;
      yield parsed(text);
    }
  }
}

function parsed(text) {
  const fields = Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  return [fields.event ?? "message", JSON.parse(fields.data)];
}

async function messageOf(response) {
  try {
    const { error } = await response.json();
    return typeof error === "string" ? error : error.message;
  } catch {
    return `the daemon answered ${response.status}`;
  }
}
