import { MAX_CALL_BYTES } from "../core/limits.ts";
import type { Patch } from "../core/store.ts";

/** Where the items end that one call carries, beginning with `from`: one at the least, `most` at most, and no more bytes than a call takes. */
export function portionEnd<Item>(
  items: readonly Item[],
  from: number,
  most: number,
  bytesOf: (item: Item) => number,
): number {
  const last = Math.min(items.length, from + most);
  let bytes = 0;
  for (let at = from; at < last; at++) {
    bytes += bytesOf(items[at] as Item);
    if (bytes > MAX_CALL_BYTES && at > from) return at;
  }
  return last;
}

/** What a report adds to its call: the rest of it is short. */
export function patchBytes(patch: Patch | null): number {
  let bytes = 0;
  for (const line of patch?.logs ?? []) bytes += line.length;
  return bytes;
}
