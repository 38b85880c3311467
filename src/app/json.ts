import { toPlain } from "../background/core/plain.ts";

/** Objects that JSON.stringify would turn into `{}`, since their content is not in their own properties. */
const OPAQUE = [Promise, Blob, FormData, Headers, Request, Response, ReadableStream] as const;

/** Repeated objects are only counted after this many entries; most values have fewer. */
const MANY_ENTRIES = 100_000;
/** Limit of repeated objects: even a small graph of shared references can expand to a text too long for any memory. */
const MAX_REPEATED = 1_000_000;

/**
 * Like JSON.stringify, but keeps more: a BigInt becomes a string, Map and Set arrays, bytes base64, an error its name
 * and message, and cycles are marked. `undefined` for a value that JSON cannot express, such as a function.
 *
 * @throws Error for an object whose content would be lost, such as a Promise; whatever a getter or toJSON throws
 */
export function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, bounded(show));
  } catch (error) {
    // The value is cyclic, too deep or too repetitive; or a getter or toJSON threw, which will throw again below.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return JSON.stringify(toPlain(value));
  }
}

/** Wraps a replacer so that it throws a RangeError once too many objects are repeated. */
function bounded(replacer: typeof show): typeof show {
  const seen = new Set<unknown>();
  let entries = 0;
  let repeated = 0;
  return function (key, shown) {
    if (++entries > MANY_ENTRIES && typeof shown === "object" && shown !== null) {
      if (!seen.has(shown)) seen.add(shown);
      else if (++repeated > MAX_REPEATED) throw new RangeError("The same objects are repeated too often.");
    }
    return replacer.call(this, key, shown);
  };
}

function show(this: unknown, key: string, shown: unknown): unknown {
  if (typeof shown === "bigint") return String(shown);
  // The value before its toJSON was called: Buffer's would make an array of numbers of it.
  const value = (this as Record<string, unknown>)[key];
  if (value instanceof Map || value instanceof Set) return [...value];
  const opaque = shown === value ? OPAQUE.find((kind) => value instanceof kind) : undefined;
  if (opaque !== undefined) {
    const advice = opaque === Promise ? "await it" : "read it, or return a Response";
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
