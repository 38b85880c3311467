import { MAX_CALL_BYTES } from "../core/limits.ts";

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
