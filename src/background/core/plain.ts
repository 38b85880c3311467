/** How deep a value is shown; deeper than any that a person reads, and shallow enough for any stack. */
const MAX_DEPTH = 200;

/**
 * A value as JSON can show it, for people and for clients that are not ours: never throws.
 *
 * Dates are ISO strings, BigInt a string, Map and Set arrays, bytes base64, cycles marked. It cannot be turned back.
 */
export function toPlain(value: unknown): unknown {
  return show(value, []);
}

function show(value: unknown, above: readonly object[]): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[Circular]";
  if (above.length >= MAX_DEPTH) return "[Too deep]";
  const within = [...above, value];
  if (Array.isArray(value)) return value.map((item) => show(item, within));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Map) return [...value].map((entry) => show(entry, within));
  if (value instanceof Set) return [...value].map((item) => show(item, within));
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (value instanceof URL || value instanceof URLSearchParams || value instanceof RegExp) return String(value);
  if (value instanceof Error) return { name: value.name, message: value.message };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, show(item, within)]));
}
