import { isError } from "./is-error.ts";

/** How deep a value is shown; deeper than any that a person reads, and shallow enough for any stack. */
const MAX_DEPTH = 200;
/**
 * How much is shown again of what was shown before, and of what is not there: a small graph has more paths through it than any
 * text can hold, and a short list of lists more holes.
 */
const MAX_REPEATED = 1_000_000;
/** Shorter texts do not count. */
const LONG_TEXT = 1_000;
/** Characters, or bytes, that count as much as an entry. */
const TEXT_OF_AN_ENTRY = 16;
/** Longest array that is shown with its holes, however many they are. */
const MAX_HOLES = 10_000;

/** What was shown so far. */
interface Shown {
  readonly seen: Set<unknown>;
  /** Entries that were shown again, and holes. */
  repeated: number;
}

/**
 * A value as JSON can show it, for people and for clients that are not ours: never throws.
 *
 * Dates are ISO strings, BigInt a string, Map and Set arrays, bytes base64, cycles marked. It cannot be turned back.
 */
export function toPlain(value: unknown): unknown {
  return show(value, [], { seen: new Set(), repeated: 0 });
}

function show(value: unknown, above: readonly object[], shown: Shown): unknown {
  if (typeof value === "string") return isTooMuch(value, shown) ? "[Repeated]" : value;
  if (typeof value === "bigint") return String(value);
  // JSON leaves them out, but would call a function by the name of toJSON.
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  // A hole of an array, most often, of which a few characters of text can hold thousands.
  if (value === undefined) shown.repeated += 1;
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[Circular]";
  if (above.length >= MAX_DEPTH) return "[Too deep]";
  try {
    if (isTooMuch(value, shown)) return "[Repeated]";
    const within = [...above, value];
    return showObject(value, (part) => show(part, within, shown));
  } catch {
    // A getter, a proxy, memory that was handed over: no reason to show nothing of the rest.
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
  if (isError(value)) return { name: showPart(value.name), message: showPart(value.message) };
  if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt)
    return showPart(value.valueOf());
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, showPart(part)]));
}

/** An array of a billion holes takes no room in memory, and more than there is in JSON. */
function isMostlyHoles(array: readonly unknown[]): boolean {
  return array.length > MAX_HOLES && Object.keys(array).length < array.length / 2;
}

function isTooMuch(value: object | string, shown: Shown): boolean {
  if (typeof value === "string" && value.length < LONG_TEXT) return false;
  // Thousands of views may look at the same bytes.
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
