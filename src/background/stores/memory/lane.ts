import { isClaimable } from "../../core/lifecycle.ts";
import { type Entry, isBefore } from "./entry.ts";
import { Heap } from "./heap.ts";
import { Line } from "./line.ts";
import type { MemoryRecord } from "./record.ts";

function isWaiting({ record, at }: Entry): boolean {
  return record.status === "pending" && record.runAt === at;
}

/**
 * The pending jobs of one lane, by `runAt`, then id.
 *
 * Most jobs are due when they come and stand in the line; those that are delayed or take an earlier place are in the
 * heap. The next one is at one of the two fronts.
 */
export class Lane {
  readonly #line = new Line((entry) => entry.record.isInLine && isWaiting(entry));
  readonly #heap = new Heap((entry) => !entry.record.isInLine && isWaiting(entry));

  get isEmpty(): boolean {
    return this.#line.live + this.#heap.live === 0;
  }

  add(record: MemoryRecord, now: number): void {
    const entry: Entry = { record, at: record.runAt };
    record.isInLine = record.runAt <= now && this.#line.isNext(entry);
    this.#placeOf(record).add(entry);
  }

  /** A waiting record was cancelled. */
  drop(record: MemoryRecord): void {
    this.#placeOf(record).bury();
  }

  /** The record whose turn is next, due or not. */
  first(): MemoryRecord | undefined {
    const inLine = this.#line.first();
    const inHeap = this.#heap.first();
    if (inLine === undefined || inHeap === undefined) return (inLine ?? inHeap)?.record;
    return (isBefore(inHeap, inLine) ? inHeap : inLine).record;
  }

  /** Takes the next record if it can be claimed. */
  take(now: number): MemoryRecord | undefined {
    const record = this.first();
    if (record === undefined || !isClaimable(record, now)) return undefined;
    this.#placeOf(record).shift();
    return record;
  }

  #placeOf(record: MemoryRecord): Line | Heap {
    return record.isInLine ? this.#line : this.#heap;
  }
}
