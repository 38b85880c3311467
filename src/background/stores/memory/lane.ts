import { isClaimable } from "../../core/lifecycle.ts";
import { Heap } from "./heap.ts";
import { Line } from "./line.ts";
import { isEarlier } from "./order.ts";
import type { MemoryRecord } from "./record.ts";

function dueAt(record: MemoryRecord): number {
  return record.runAt;
}

/**
 * The pending jobs of one lane, by `runAt`, then id.
 *
 * Most jobs are due when they arrive and are appended to the line; those that are delayed or take an earlier place go to
 * the heap. The next job is at the front of either.
 */
export class Lane {
  readonly #line = new Line(dueAt);
  readonly #heap = new Heap();

  get isEmpty(): boolean {
    return this.#line.live + this.#heap.live === 0;
  }

  add(record: MemoryRecord, now: number): void {
    if (record.runAt <= now && this.#line.isNext(record)) this.#line.push(record);
    else this.#heap.add(record);
  }

  /** Removes a cancelled record. */
  remove(record: MemoryRecord): void {
    if (record.line === null) this.#heap.remove(record);
    else this.#line.remove(record);
  }

  /** The next record, due or not. */
  first(): MemoryRecord | undefined {
    const inLine = this.#line.first();
    const inHeap = this.#heap.first();
    if (inLine === undefined || inHeap === undefined) return inLine ?? inHeap;
    return isEarlier(inHeap.runAt, inHeap.id, inLine.runAt, inLine.id) ? inHeap : inLine;
  }

  /** Takes the next record if it can be claimed. */
  take(now: number): MemoryRecord | undefined {
    const record = this.first();
    if (record === undefined || !isClaimable(record, now)) return undefined;
    if (record.line === null) this.#heap.shift();
    else this.#line.shift();
    return record;
  }
}
