const bytesOf = new TextEncoder();

/** Bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return bytesOf.encode(text).length;
}

/** Whether a text takes more than `maxBytes` in UTF-8; three bytes a UTF-16 unit is the most there can be. */
export function isLongerThan(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (text.length * 3 > maxBytes && byteLength(text) > maxBytes);
}

/**
 * The text, cut to at most `maxBytes` of UTF-8 with a mark where something is missing; never in the middle of a character. Halves of
 * characters, which UTF-8 cannot say, are replaced, so that every store keeps the same.
 */
export function truncate(given: string, maxBytes: number): string {
  const text = given.toWellFormed();
  if (!isLongerThan(text, maxBytes)) return text;
  const mark = "… (cut)";
  const room = maxBytes - byteLength(mark);
  const { read } = bytesOf.encodeInto(text, new Uint8Array(room));
  return text.slice(0, read) + mark;
}

/** With the mark at its end behind which another sentence can follow, also where the text ends with a command to type. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** How many there are of something: `1 job`, `2 jobs`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** The first of many, and how many more there are: `a, b and 3 more`. */
export function listed(items: readonly string[], most: number): string {
  const first = items.slice(0, most).join(", ");
  return items.length > most ? `${first} and ${items.length - most} more` : first;
}

/** A setting as an error shows it: short, and whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  try {
    return String(value).slice(0, 40);
  } catch {
    return `a value of type ${typeof value}`;
  }
}
