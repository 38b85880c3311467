import { toPlain } from "../background/core/plain.ts";

/** What would be `{}`, since its content is not in its properties. */
const OPAQUE = [Promise, Blob, FormData, Headers, Request, Response, ReadableStream] as const;

/** From so many entries on it is looked whether the same objects come again: most answers have fewer. */
const MANY_ENTRIES = 100_000;
/** How often they may: a small graph has more paths through it than any text can hold. */
const MAX_REPEATED = 1_000_000;

/**
 * A value as JSON text that keeps more than JSON.stringify does: BigInt is a string, Map and Set are arrays, bytes base64,
 * errors their name and message, and cycles are marked. `undefined` for what JSON has no word for.
 *
 * @throws an error for what nothing would be left of; whatever a getter or toJSON throws
 */
export function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, bounded(show));
  } catch (error) {
    // A cycle, too deep, or without end: a getter or toJSON that failed fails again and is for the caller.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return JSON.stringify(toPlain(value));
  }
}

/** The same, which throws a RangeError where a text would have no end. */
function bounded(replacer: typeof show): typeof show {
  const seen = new Set<unknown>();
  let entries = 0;
  let repeated = 0;
  return function (key, shown) {
    if (++entries > MANY_ENTRIES && typeof shown === "object" && shown !== null) {
      if (!seen.has(shown)) seen.add(shown);
      else if (++repeated > MAX_REPEATED) throw new RangeError("The same objects come again and again.");
    }
    return replacer.call(this, key, shown);
  };
}

function show(this: unknown, key: string, shown: unknown): unknown {
  if (typeof shown === "bigint") return String(shown);
  // What it was before its toJSON: Buffer's makes an array of numbers.
  const value = (this as Record<string, unknown>)[key];
  if (value instanceof Map || value instanceof Set) return [...value];
  const opaque = shown === value ? OPAQUE.find((kind) => value instanceof kind) : undefined;
  if (opaque !== undefined) {
    const advice = opaque === Promise ? "wait for it" : "read it, or return a Response";
    throw new Error(`A ${opaque.name} cannot be sent as JSON: ${advice}.`);
  }
  const isSpecial =
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    value instanceof URLSearchParams ||
    value instanceof RegExp ||
    (value instanceof Error && shown === value);
  return isSpecial ? toPlain(value) : shown;
}
