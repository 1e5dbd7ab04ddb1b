// Pictures and PDFs: as files, as base64, and as the page shows them.

import { element } from "./elements.js";

const KINDS = [
  ["iVBOR", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lG", "image/gif"],
  ["UklG", "image/webp"],
  ["JVBE", "application/pdf"],
];
export const MOST_BYTES = { image: 5 << 20, document: 32 << 20 }; // what the API takes

/** What base64 holds, by how it begins. */
export function kindOf(data) {
  return KINDS.find(([start]) => data.startsWith(start))?.[1] ?? "";
}

/** The base64 of a file; throws, in words for people, where it is none that can be sent. */
export async function readPicture(file) {
  const most = file.type === "application/pdf" ? MOST_BYTES.document : MOST_BYTES.image;
  if (file.size > most) throw new Error(`${file.name} is larger than ${most >> 20} MB`);
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
  const data = url.slice(url.indexOf(",") + 1);
  if (!kindOf(data)) throw new Error(`${file.name} is no PNG, JPEG, GIF, WebP or PDF`);
  return data;
}

/** An element that shows it. */
export function pictured(data) {
  const kind = kindOf(data);
  if (!kind.startsWith("image/")) return element("span", { class: "badge" }, kind ? "PDF" : "file");
  const url = URL.createObjectURL(blobOf(data, kind));
  return element("img", { src: url, alt: "Attached picture", load: () => URL.revokeObjectURL(url) });
}

function blobOf(data, type) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type });
}
