import type { MemoryRecord } from "./record.ts";

/** A record's place in an order: by the instant that it stands there for, then by id. */
export interface Entry {
  readonly record: MemoryRecord;
  readonly at: number;
}

export function isBefore(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.record.id < b.record.id : a.at < b.at;
}

/** An entry whose record has moved on is dead. It stays in place until it comes to the front or too many are dead. */
export type IsLive = (entry: Entry) => boolean;

/** Whether so many of `entries` are dead that it is time to sweep; the cost is paid for by those that died. */
export function isCrowded(entries: number, live: number): boolean {
  return entries > 2 * live + 64;
}
