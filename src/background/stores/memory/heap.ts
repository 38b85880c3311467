import { isEarlier, isSweepDue } from "./order.ts";
import type { MemoryRecord } from "./record.ts";

/** A record's place in a heap, with the key by which it was ordered. */
export interface Entry {
  readonly record: MemoryRecord;
  readonly runAt: number;
}

/**
 * Records by `runAt`, then id, added in any order and taken from the front: a binary heap (Knuth, TAOCP 3, section
 * 5.2.3). The entry of a removed record is dead, and stays until it reaches the front or too many are dead.
 */
export class Heap {
  #entries: Entry[] = [];
  /** The number of entries that are not dead. */
  live = 0;

  add(record: MemoryRecord): void {
    this.live++;
    const entry: Entry = { record, runAt: record.runAt };
    record.entry = entry;
    const entries = this.#entries;
    let place = entries.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(entry, entries[parent] as Entry)) break;
      entries[place] = entries[parent] as Entry;
      place = parent;
    }
    entries[place] = entry;
  }

  /** Removes a record, wherever it is. */
  remove(record: MemoryRecord): void {
    this.live--;
    record.entry = null;
    if (isSweepDue(this.#entries.length, this.live)) {
      this.#entries = this.#entries.filter(isLive).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    }
  }

  /** The first record. */
  first(): MemoryRecord | undefined {
    for (;;) {
      const entry = this.#entries[0];
      if (entry === undefined || isLive(entry)) return entry?.record;
      this.#removeFirst();
    }
  }

  /** Removes what {@link first} has returned. */
  shift(): void {
    this.live--;
    (this.#entries[0] as Entry).record.entry = null;
    this.#removeFirst();
  }

  #removeFirst(): void {
    const entries = this.#entries;
    const last = entries.pop() as Entry;
    if (entries.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1] as Entry, entries[child] as Entry)) child++;
      if (!isBefore(entries[child] as Entry, last)) break;
      entries[place] = entries[child] as Entry;
      place = child;
    }
    entries[place] = last;
  }
}

function isLive(entry: Entry): boolean {
  return entry.record.entry === entry;
}

function isBefore(a: Entry, b: Entry): boolean {
  return isEarlier(a.runAt, a.record.id, b.runAt, b.record.id);
}
