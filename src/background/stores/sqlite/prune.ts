import type { StatementSync } from "node:sqlite";
import type { JobStatus } from "../../core/status.ts";
import type { PruneRequest, Retention } from "../../core/store.ts";
import { statusOf } from "./statuses.ts";
import type { Tables } from "./tables.ts";

interface Old {
  readonly key: number;
  readonly task: string;
  readonly status: number;
  readonly completed_at: number;
  readonly held_until: number;
}

/** Removes finished jobs. Guard: finished, beyond what is kept, and held by nobody. */
export class Prune {
  readonly #tables: Tables;
  readonly #completed: StatementSync;
  readonly #failed: StatementSync;
  readonly #remove: readonly StatementSync[];

  constructor(tables: Tables) {
    const { db } = tables;
    const oldest = (where: string) =>
      db.prepare(
        `SELECT key, task, status, completed_at, held_until FROM rapidai_jobs WHERE ${where} ORDER BY completed_at, id`,
      );
    this.#tables = tables;
    this.#completed = oldest("status = 2");
    this.#failed = oldest("status > 2");
    this.#remove = [
      db.prepare("DELETE FROM rapidai_jobs WHERE key = ?"),
      db.prepare("DELETE FROM rapidai_texts WHERE job = ?"),
      db.prepare("DELETE FROM rapidai_past WHERE job = ?"),
      db.prepare("DELETE FROM rapidai_logs WHERE job = ?"),
    ];
  }

  run({ completed, failed, limit }: PruneRequest, now: number): number {
    const removed = this.#some(this.#completed, ["completed"], completed, limit, now);
    return removed + this.#some(this.#failed, ["failed", "cancelled"], failed, limit - removed, now);
  }

  #some(
    oldest: StatementSync,
    kinds: readonly JobStatus[],
    { ageMs, count }: Retention,
    limit: number,
    now: number,
  ): number {
    let isTooMany = count === null ? 0 : this.#jobsOf(kinds) - count;
    const old: Old[] = [];
    for (const row of oldest.iterate() as unknown as Iterable<Old>) {
      const isOld = ageMs !== null && row.completed_at < now - ageMs;
      if (old.length >= limit || (isTooMany <= 0 && !isOld)) break;
      isTooMany--;
      if (row.held_until <= now) old.push(row);
    }
    for (const { key, task, status } of old) {
      for (const remove of this.#remove) remove.run(key);
      this.#tables.tally.note(task, statusOf(status), -1);
    }
    return old.length;
  }

  #jobsOf(kinds: readonly JobStatus[]): number {
    let jobs = 0;
    for (const counts of this.#tables.tally.read().values()) for (const kind of kinds) jobs += counts[kind];
    return jobs;
  }
}
