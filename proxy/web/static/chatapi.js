// What the page asks of the daemon: its public routes, each as a function.

import { ask, askJson, follow, key, KeyNeeded, posted } from "./api.js";
import { askForKey } from "./keydialog.js";

const NO_KEY = 401; // with 403 the key is one, and must not do this: another try would end no better

let asking = null; // at most one dialog, however many requests were refused

/** The models that answer, by name, with what they are capable of; those that only make embeddings are left out. */
export async function models() {
  const told = await withKey(() => askJson("/api/tags"));
  const answering = told.models.filter((model) => !model.capabilities?.includes("embedding"));
  return new Map(answering.map((model) => [shortName(model.name), model.capabilities ?? []]));
}

/** The name of a model as people say it: ":latest" goes without saying. */
export function shortName(name) {
  return name.replace(/:latest$/, "");
}

/** The kept chats with a text in a message, all without one; last updated first. */
export async function chats(search, signal) {
  const query = search ? `?${new URLSearchParams({ search })}` : "";
  const told = await withKey(() => askJson(`/chat/history${query}`, { signal }));
  return Object.entries(told.chats).map(([id, facts]) => ({ id, ...facts }));
}

/** A kept chat: {chat_id, history}. */
export function chat(id) {
  return withKey(() => askJson(`/chat/history/${encodeURIComponent(id)}`));
}

export function forget(id) {
  return withKey(() => ask(`/chat/delete/${encodeURIComponent(id)}`, { method: "DELETE" }));
}

/** The HTML of a Markdown text. */
export async function render(text) {
  return (await askJson("/chat/render", posted({ text }))).html;
}

/** The events of the answer to a message. */
export async function* answer(message, signal) {
  for (let answered = false; !answered; ) {
    try {
      for await (const [, event] of follow("/chat/stream", { ...posted(message), signal })) yield event;
      answered = true;
    } catch (error) {
      // Only ever before the first event.
      await newKey(error);
    }
  }
}

async function withKey(action) {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      await newKey(error);
    }
  }
}

/** Ask for another key, where an error says that one is needed; any other error is thrown again. */
async function newKey(error) {
  if (!(error instanceof KeyNeeded) || error.status !== NO_KEY) throw error;
  key.forget();
  asking ??= askForKey(error.message).finally(() => (asking = null));
  await asking;
}
