const bytesOf = new TextEncoder();

/** The size of a text in bytes of UTF-8. */
export function byteLength(text: string): number {
  return bytesOf.encode(text).length;
}

/** Whether a text takes more than `maxBytes` in UTF-8, which takes at most three bytes for a UTF-16 unit. */
export function isLongerThan(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (text.length * 3 > maxBytes && byteLength(text) > maxBytes);
}

/**
 * Cuts a text to at most `maxBytes` of UTF-8, marked at its end, and never within a character. Lone surrogates, which
 * UTF-8 cannot represent, are replaced, so that every store keeps the same.
 */
export function truncate(given: string, maxBytes: number): string {
  const text = given.toWellFormed();
  if (!isLongerThan(text, maxBytes)) return text;
  const mark = "… (cut)";
  const room = maxBytes - byteLength(mark);
  const { read } = bytesOf.encodeInto(text, new Uint8Array(room));
  return text.slice(0, read) + mark;
}

/** Ends a text with a full stop unless it has an end, so that another sentence can follow. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** A number with its noun: `1 job`, `2 jobs`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** The first of many items and the number of the others: `a, b and 3 more`. */
export function listed(items: readonly string[], most: number): string {
  const first = items.slice(0, most).join(", ");
  return items.length > most ? `${first} and ${items.length - most} more` : first;
}

/** Any value as an error message shows it: short. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "bigint") return `${String(value).slice(0, 40)}n`;
  if (typeof value === "function") return "a function";
  try {
    if (Array.isArray(value)) return "an array";
    const text = String(value);
    return text === "[object Object]" ? "an object" : text.slice(0, 40);
  } catch {
    // Neither an object without a prototype nor a revoked proxy can be made a text.
    return "an object";
  }
}
