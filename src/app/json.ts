import { toPlain } from "../background/core/plain.ts";

/** What would be `{}`, since its content is not in its properties. */
const OPAQUE = [Promise, Blob, FormData, Headers, Request, Response, ReadableStream] as const;

/**
 * A value as JSON text that keeps more than JSON.stringify does: BigInt is a string, Map and Set are arrays, bytes base64,
 * errors their name and message, and cycles are marked. `undefined` for what JSON has no word for.
 *
 * @throws an error for what nothing would be left of; whatever a getter or toJSON throws
 */
export function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, show);
  } catch (error) {
    // A cycle, or too deep: a getter or toJSON that failed fails again and is for the caller.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return JSON.stringify(toPlain(value));
  }
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
