import { isEarlier, isSweepDue } from "./order.ts";
import type { MemoryRecord } from "./record.ts";

/**
 * Records by an instant, then id, added nearly in that order and taken from the front. It is a plain array, since a
 * record knows its own place. That of a removed record is empty, and stays until it reaches the front or too many are.
 */
export class Line {
  readonly #instantOf: (record: MemoryRecord) => number;
  #records: (MemoryRecord | undefined)[] = [];
  #head = 0;
  /** The place of the first element of the array: places are not renumbered when the front is cut off. */
  #base = 0;
  /** The number of places that are not empty. */
  live = 0;

  constructor(instantOf: (record: MemoryRecord) => number) {
    this.#instantOf = instantOf;
  }

  /** Whether a record belongs at the very end. */
  isNext(record: MemoryRecord): boolean {
    while (this.#records.length > this.#head && this.#records.at(-1) === undefined) this.#records.pop();
    const last = this.#records.length - 1;
    return last < this.#head || !this.#isBefore(record, this.#records[last] as MemoryRecord);
  }

  /** Appends a record that {@link isNext}. */
  push(record: MemoryRecord): void {
    this.live++;
    record.line = this;
    record.place = this.#base + this.#records.push(record) - 1;
  }

  /** Inserts a record at its place, which is at the end or near it. */
  add(record: MemoryRecord): void {
    if (this.isNext(record)) this.push(record);
    else this.#insert(record);
  }

  /** Removes a record, wherever it is. */
  remove(record: MemoryRecord): void {
    this.#empty(record.place - this.#base);
    if (!isSweepDue(this.#records.length, this.live)) return;
    const kept = this.#records.filter((other) => other !== undefined);
    for (const [index, other] of kept.entries()) other.place = this.#base + index;
    this.#records = kept;
    this.#head = 0;
  }

  /** The first record. */
  first(): MemoryRecord | undefined {
    for (; this.#head < this.#records.length; this.#head++) {
      const record = this.#records[this.#head];
      if (record !== undefined) return record;
    }
    this.#records = [];
    this.#head = 0;
    return undefined;
  }

  /** Removes what {@link first} has returned. */
  shift(): void {
    this.#empty(this.#head++);
    if (this.#head > 1_024 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
  }

  /** Puts records taken from the front back, in the same order. */
  unshift(records: readonly MemoryRecord[]): void {
    if (records.length === 0) return;
    this.live += records.length;
    this.#records = [...records, ...this.#records.slice(this.#head)];
    this.#base += this.#head - records.length;
    this.#head = 0;
    for (const [index, record] of records.entries()) {
      record.line = this;
      record.place = this.#base + index;
    }
  }

  #insert(record: MemoryRecord): void {
    this.live++;
    const moved: MemoryRecord[] = [];
    let index = this.#records.length;
    for (let before = index - 1; before >= this.#head; before--) {
      const other = this.#records[before];
      if (other === undefined) continue;
      if (!this.#isBefore(record, other)) break;
      moved.push(other);
      index = before;
    }
    this.#records.splice(index, 0, record);
    record.line = this;
    record.place = this.#base + index;
    for (const other of moved) other.place++;
  }

  #isBefore(record: MemoryRecord, other: MemoryRecord): boolean {
    return isEarlier(this.#instantOf(record), record.id, this.#instantOf(other), other.id);
  }

  /** At once, or a removed job would stay in memory for as long as its place does. */
  #empty(index: number): void {
    this.live--;
    (this.#records[index] as MemoryRecord).line = null;
    this.#records[index] = undefined;
  }
}
