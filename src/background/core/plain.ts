import { isError } from "./is-error.ts";

/** Levels that are shown: more than any person reads, and few enough for any stack. */
const MAX_DEPTH = 200;
/**
 * Entries that may be repeats of what was shown before, or holes in arrays: a small graph can have more paths through it,
 * and a few short lines of source more holes, than fit any text.
 */
const MAX_REPEATED = 1_000_000;
/** Repeats of shorter texts do not count. */
const LONG_TEXT = 1_000;
/** Characters or bytes that count as one entry. */
const TEXT_OF_AN_ENTRY = 16;
/** Longest array that is shown as one however many holes it has. */
const MAX_HOLES = 10_000;

/** What has been shown so far. */
interface Shown {
  readonly seen: Set<unknown>;
  /** Repeated entries and holes so far. */
  repeated: number;
}

/**
 * A value as plain JSON data, for people and for other clients; never throws.
 *
 * Dates and Temporal are ISO strings, BigInt a string, Map and Set arrays, bytes base64, cycles marked. It cannot be reversed.
 */
export function toPlain(value: unknown): unknown {
  return show(value, [], { seen: new Set(), repeated: 0 });
}

function show(value: unknown, above: readonly object[], shown: Shown): unknown {
  if (typeof value === "string") return isTooMuch(value, shown) ? "[Repeated]" : value;
  if (typeof value === "bigint") return String(value);
  // JSON omits them, but would call a function named toJSON.
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  // Most often a hole in an array: a few characters of stored text can stand for thousands.
  if (value === undefined) shown.repeated += 1;
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[Circular]";
  if (above.length >= MAX_DEPTH) return "[Too deep]";
  try {
    if (isTooMuch(value, shown)) return "[Repeated]";
    const within = [...above, value];
    return showObject(value, (part) => show(part, within, shown));
  } catch {
    // A getter or proxy that throws, or a detached buffer: the rest can still be shown.
    return "[Unreadable]";
  }
}

function showObject(value: object, showPart: (part: unknown) => unknown): unknown {
  if (Array.isArray(value) && !isMostlyHoles(value)) return Array.from(value, showPart);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Map) return Array.from(value, showPart);
  if (value instanceof Set) return Array.from(value, showPart);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (value instanceof URL || value instanceof URLSearchParams || value instanceof RegExp) return String(value);
  if (Object.prototype.toString.call(value).startsWith("[object Temporal.")) return String(value);
  if (isError(value)) return { name: showPart(value.name), message: showPart(value.message) };
  if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt)
    return showPart(value.valueOf());
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, showPart(part)]));
}

/** An array of a billion holes takes no memory, but its JSON would take more than there is. */
function isMostlyHoles(array: readonly unknown[]): boolean {
  return array.length > MAX_HOLES && Object.keys(array).length < array.length / 2;
}

function isTooMuch(value: object | string, shown: Shown): boolean {
  if (typeof value === "string" && value.length < LONG_TEXT) return false;
  // Thousands of views may share the same bytes.
  const what = ArrayBuffer.isView(value) ? value.buffer : value;
  if (shown.seen.has(what)) shown.repeated += 1 + sizeOf(value);
  else shown.seen.add(what);
  return shown.repeated > MAX_REPEATED;
}

function sizeOf(value: object | string): number {
  if (typeof value === "string") return value.length / TEXT_OF_AN_ENTRY;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength / TEXT_OF_AN_ENTRY;
  return value instanceof Map || value instanceof Set ? value.size : Object.keys(value).length;
}
