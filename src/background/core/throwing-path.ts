import { isError } from "./is-error.ts";
import { shown } from "./text.ts";

/** What is read of an error. */
const ERROR_KEYS = ["name", "message", "stack", "cause"];

/**
 * Where reading a value throws, because of a getter, a proxy or a detached buffer: `.a[0].b`; `undefined` if nothing throws.
 *
 * Iterates over a growing list instead of recursing, so that no depth is too much.
 */
export function throwingPath(root: unknown): string | undefined {
  const open: [value: unknown, path: string][] = [[root, ""]];
  const seen = new Set<unknown>();
  for (const [value, path] of open) {
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    let at = path;
    try {
      if (value instanceof Map) {
        for (const [key, item] of value) open.push([key, path + entry(key)], [item, path + entry(key)]);
      } else if (value instanceof Set) {
        for (const item of value) open.push([item, path + entry(item)]);
      } else if (value instanceof ArrayBuffer) {
        // Throws if it is detached.
        value.slice(0, 0);
      } else if (ArrayBuffer.isView(value)) {
        value.buffer.slice(0, 0);
        continue;
      }
      for (const key of isError(value) ? ERROR_KEYS : Object.keys(value)) {
        at = path + segment(key, Array.isArray(value));
        open.push([(value as Record<string, unknown>)[key], at]);
      }
    } catch {
      return at;
    }
  }
  return undefined;
}

/** A step on a path, into a Map or a Set. Objects are not shown: their text might have no end. */
export function entry(key: unknown): string {
  return `.get(${typeof key === "object" && key !== null ? "…" : shown(key)})`;
}

/** A step on a path. */
export function segment(key: string, isIndex: boolean): string {
  if (isIndex) return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 100))}]`;
}
