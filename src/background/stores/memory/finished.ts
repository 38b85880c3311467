import { MAX_HELD_PASSED } from "../../core/limits.ts";
import type { Retention } from "../../core/store.ts";
import { Line } from "./line.ts";
import type { MemoryRecord } from "./record.ts";

function completedAt(record: MemoryRecord): number {
  return record.completedAt as number;
}

/** Finished jobs of one kind in the order in which they finished, which is that of pruning. */
export class Finished {
  #line = new Line(completedAt);

  add(record: MemoryRecord): void {
    this.#line.add(record);
  }

  /** Removes a job that is retried by hand. */
  remove(record: MemoryRecord): void {
    this.#line.remove(record);
  }

  clear(): void {
    this.#line = new Line(completedAt);
  }

  /** Removes and returns at most `limit` jobs that retention does not keep and nobody waits for. */
  takeOld({ ageMs, count }: Retention, limit: number, now: number): MemoryRecord[] {
    const old: MemoryRecord[] = [];
    const held: MemoryRecord[] = [];
    const keep = count ?? Number.POSITIVE_INFINITY;
    const finishedBefore = ageMs === null ? Number.NEGATIVE_INFINITY : now - ageMs;
    while (old.length < limit) {
      const record = this.#line.first();
      if (record === undefined) break;
      const isTooMany = this.#line.live > keep;
      if (!isTooMany && completedAt(record) >= finishedBefore) break;
      const isHeld = record.heldUntil > now;
      if (isHeld && held.length === MAX_HELD_PASSED) break;
      this.#line.shift();
      (isHeld ? held : old).push(record);
    }
    this.#line.unshift(held);
    return old;
  }
}
