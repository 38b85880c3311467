import { isError } from "./is-error.ts";
import { MAX_NESTING } from "./limits.ts";
import { entry, segment } from "./throwing-path.ts";

/** Levels that an object with an own key `__proto__` takes: the codec stores it as a list of pairs. */
const LEVELS_OF_PAIRS = 3;

/**
 * Where a value is nested too deeply to be stored: `.a[0].b`; `undefined` if it is not, or if its own code throws.
 *
 * Walks as the codec's library does, depth first and into each object once, and so as deep: to the end of a linked list.
 */
export function pathOfTooDeep(value: unknown): string | undefined {
  try {
    return pathBelow(value, MAX_NESTING, new Set());
  } catch {
    // `throwingPath` reports that.
    return undefined;
  }
}

function pathBelow(value: unknown, room: number, seen: Set<object>): string | undefined {
  if (typeof value !== "object" || value === null || seen.has(value)) return undefined;
  if (room <= 0) return "";
  seen.add(value);
  if (ArrayBuffer.isView(value)) return undefined;
  if (value instanceof Map) {
    for (const [key, item] of value) {
      const path = pathBelow(key, room - 1, seen) ?? pathBelow(item, room - 1, seen);
      if (path !== undefined) return entry(key) + path;
    }
  } else if (value instanceof Set) {
    for (const item of value) {
      const path = pathBelow(item, room - 1, seen);
      if (path !== undefined) return entry(item) + path;
    }
  } else if (isError(value)) {
    const path = pathBelow(value.cause, room - 1, seen);
    if (path !== undefined) return `.cause${path}`;
  } else {
    const below = room - (Object.hasOwn(value, "__proto__") ? LEVELS_OF_PAIRS : 1);
    // Values, not keys: to list those of a long array would take longer than all the rest.
    for (const [place, item] of Object.values(value).entries()) {
      const path = pathBelow(item, below, seen);
      if (path !== undefined) return segment(Object.keys(value)[place] as string, Array.isArray(value)) + path;
    }
  }
  return undefined;
}
