import { type Entry, type IsLive, isBefore, isCrowded } from "./entry.ts";

/** Entries in order, for those that come nearly in that order and leave at the front. */
export class Line {
  readonly #isLive: IsLive;
  #entries: Entry[] = [];
  #head = 0;
  /** How many are not dead. */
  live = 0;

  constructor(isLive: IsLive) {
    this.#isLive = isLive;
  }

  /** Whether an entry would stand at the very end. */
  isNext(entry: Entry): boolean {
    const last = this.#entries.at(-1);
    return last === undefined || !isBefore(entry, last);
  }

  /** Puts an entry in its place, which is at the end or near it. */
  add(entry: Entry): void {
    this.live++;
    const entries = this.#entries;
    let place = entries.length;
    while (place > this.#head && isBefore(entry, entries[place - 1] as Entry)) place--;
    if (place === entries.length) entries.push(entry);
    else entries.splice(place, 0, entry);
  }

  /** An entry has died in place. */
  bury(): void {
    this.live--;
    if (isCrowded(this.#entries.length - this.#head, this.live)) {
      this.#entries = this.#entries.slice(this.#head).filter(this.#isLive);
      this.#head = 0;
    }
  }

  /** The first live entry. */
  first(): Entry | undefined {
    for (; this.#head < this.#entries.length; this.#head++) {
      const entry = this.#entries[this.#head] as Entry;
      if (this.#isLive(entry)) return entry;
    }
    this.#entries = [];
    this.#head = 0;
    return undefined;
  }

  /** Takes away what {@link first} returned. */
  shift(): void {
    this.live--;
    this.#head++;
    if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Puts back what was taken from the front, in its order. */
  unshift(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.live += entries.length;
    this.#entries = [...entries, ...this.#entries.slice(this.#head)];
    this.#head = 0;
  }
}
