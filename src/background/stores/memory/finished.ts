import type { Retention } from "../../core/store.ts";
import type { Entry } from "./entry.ts";
import { Line } from "./line.ts";
import type { MemoryRecord } from "./record.ts";

/** Finished jobs of one kind by when they finished: the order in which they are forgotten. */
export class Finished {
  // By identity: a job can be retried by hand and finish again within one instant.
  readonly #line = new Line((entry) => entry.record.finished === entry);

  add(record: MemoryRecord): void {
    record.finished = { record, at: record.completedAt as number };
    this.#line.add(record.finished);
  }

  /** A finished job was retried by hand. */
  drop(record: MemoryRecord): void {
    record.finished = null;
    this.#line.bury();
  }

  /** Takes away at most `limit` jobs that are beyond what is to be kept and that nobody waits for. */
  takeOld({ ageMs, count }: Retention, limit: number, now: number): MemoryRecord[] {
    const old: MemoryRecord[] = [];
    const held: Entry[] = [];
    const keep = count ?? Number.POSITIVE_INFINITY;
    const finishedBefore = ageMs === null ? Number.NEGATIVE_INFINITY : now - ageMs;
    while (old.length < limit) {
      const entry = this.#line.first();
      if (entry === undefined) break;
      const isTooMany = this.#line.live > keep;
      if (!isTooMany && entry.at >= finishedBefore) break;
      this.#line.shift();
      if (entry.record.heldUntil > now) held.push(entry);
      else old.push(entry.record);
    }
    this.#line.unshift(held);
    return old;
  }
}
