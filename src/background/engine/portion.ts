import { CallBudget } from "../core/call-budget.ts";
import type { Patch } from "../core/store.ts";

/** Where the items end that one call carries, beginning with `from`: one at the least, `most` at most, and no more bytes than a call takes. */
export function portionEnd<Item>(
  items: readonly Item[],
  from: number,
  most: number,
  bytesOf: (item: Item) => number,
): number {
  const last = Math.min(items.length, from + most);
  const budget = new CallBudget();
  for (let at = from; at < last; at++) if (!budget.take(bytesOf(items[at] as Item))) return at;
  return last;
}

/** What a report adds to its call: the rest of it is short. */
export function patchBytes(patch: Patch | null): number {
  let bytes = 0;
  for (const line of patch?.logs ?? []) bytes += line.length;
  return bytes;
}
