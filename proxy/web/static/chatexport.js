// A kept chat as a file.

import { kindOf } from "./chatpictures.js";
import { element } from "./elements.js";

export function saveJson(chat) {
  save(`${chat.chat_id}.json`, "application/json", `${JSON.stringify(chat, null, 2)}\n`);
}

export function saveMarkdown(chat, title) {
  save(`${chat.chat_id}.md`, "text/markdown", markdown(chat, title));
}

function markdown({ chat_id: id, history }, title) {
  const parts = history.messages.filter((message) => message.content || message.images).map(part);
  return [`# ${title}`, `Chat \`${id}\`, ${history.created_at} to ${history.last_updated}`, ...parts].join("\n\n") + "\n";
}

function part(message) {
  const who = { user: "You", assistant: message.model ?? "Assistant", system: "System prompt" }[message.role];
  const thinking = message.thinking ? [`<details><summary>Thinking</summary>\n\n${message.thinking}\n\n</details>`] : [];
  const images = (message.images ?? []).map((data, index) => `![Picture ${index + 1}](data:${kindOf(data)};base64,${data})`);
  return [`## ${who}`, ...images, ...thinking, message.content].join("\n\n");
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = element("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
