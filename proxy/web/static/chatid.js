// Ids of chats, as the daemon takes them.

const BYTES = 16;

/** A new one. crypto.randomUUID is not there on a page without TLS. */
export function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
