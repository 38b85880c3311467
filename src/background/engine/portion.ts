import { CallBudget } from "../core/call-budget.ts";
import type { Patch } from "../core/store.ts";

/** The end of the items, from `from` on, that fit one call: at least one, at most `most`, within the size of a call. */
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

/** The size of a report within a call: that of its log lines, since the rest is short. */
export function patchBytes(patch: Patch | null): number {
  let bytes = 0;
  for (const line of patch?.logs ?? []) bytes += line.length;
  return bytes;
}
