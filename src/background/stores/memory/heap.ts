import { type Entry, type IsLive, isBefore, isCrowded } from "./entry.ts";

/** Entries that come in any order and leave at the front: a binary heap (Knuth, TAOCP 3, section 5.2.3). */
export class Heap {
  readonly #isLive: IsLive;
  #entries: Entry[] = [];
  /** How many are not dead. */
  live = 0;

  constructor(isLive: IsLive) {
    this.#isLive = isLive;
  }

  add(entry: Entry): void {
    this.live++;
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

  /** An entry has died in place. */
  bury(): void {
    this.live--;
    if (isCrowded(this.#entries.length, this.live)) {
      this.#entries = this.#entries.filter(this.#isLive).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    }
  }

  /** The first live entry. */
  first(): Entry | undefined {
    for (;;) {
      const entry = this.#entries[0];
      if (entry === undefined || this.#isLive(entry)) return entry;
      this.#removeFirst();
    }
  }

  /** Takes away what {@link first} returned. */
  shift(): void {
    this.live--;
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
