import type { StatementSync } from "node:sqlite";
import { MAX_HELD_PASSED } from "../../core/limits.ts";
import type { PruneRequest, Retention } from "../../core/store.ts";
import { CODES, statusOf } from "./statuses.ts";
import type { Tables } from "./tables.ts";

interface Old {
  readonly key: number;
  readonly id: string;
  readonly task: string;
  readonly status: number;
  readonly completed_at: number;
  readonly held_until: number;
}

/** How many jobs a call removed, and whether it ended early, so that others could write to the file. */
export interface Pruned {
  readonly removed: number;
  readonly isCutShort: boolean;
}

/** How long a call removes jobs before it ends early. Others wait meanwhile, for two seconds at most. */
const LONG_MS = 100;
/** Jobs to remove before each look at the clock: one that logged much, or has a large payload, takes milliseconds. */
const AT_ONCE = 50;

/** Removes finished jobs. Guard: finished, not kept by retention, and not held. */
export class Prune {
  readonly #tables: Tables;
  readonly #nextTime: StatementSync;
  readonly #completedAt: StatementSync;
  readonly #failed: StatementSync;
  readonly #strike: StatementSync;
  readonly #strikeEmpty: StatementSync;
  readonly #uncomplete: StatementSync;
  readonly #remove: readonly StatementSync[];

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#nextTime = db.prepare(
      "SELECT completed_at FROM rapidai_completions WHERE completed_at > ? ORDER BY completed_at LIMIT 1",
    );
    this.#completedAt = db.prepare(
      `SELECT job.key, job.id, job.task, 2 AS status, completions.completed_at, job.held_until
       FROM rapidai_completions AS completions CROSS JOIN json_each(completions.jobs) AS done
       CROSS JOIN rapidai_jobs AS job ON job.key = done.value WHERE completions.completed_at = ? ORDER BY job.id`,
    );
    this.#failed = db.prepare(
      "SELECT key, id, task, status, completed_at, held_until FROM rapidai_jobs WHERE status > 2 ORDER BY completed_at, id",
    );
    this.#strike = db.prepare(
      `UPDATE rapidai_completions SET jobs = (SELECT json_group_array(value) FROM json_each(jobs)
       WHERE value NOT IN (SELECT value FROM json_each(?))) WHERE completed_at = ?`,
    );
    this.#strikeEmpty = db.prepare("DELETE FROM rapidai_completions WHERE completed_at = ? AND jobs = '[]'");
    this.#uncomplete = db.prepare(
      "DELETE FROM rapidai_completed WHERE task = ? AND id IN (SELECT value FROM json_each(?))",
    );
    this.#remove = [
      db.prepare("DELETE FROM rapidai_jobs WHERE key IN (SELECT value FROM json_each(?))"),
      db.prepare("DELETE FROM rapidai_texts WHERE job IN (SELECT value FROM json_each(?))"),
      db.prepare("DELETE FROM rapidai_past WHERE job IN (SELECT value FROM json_each(?))"),
      db.prepare("DELETE FROM rapidai_logs WHERE job IN (SELECT value FROM json_each(?))"),
    ];
  }

  run({ completed, failed, limit }: PruneRequest, now: number): Pruned {
    const startedAt = performance.now();
    const counts = this.#tables.tally.totals();
    const done = beyond(this.#oldestCompleted(), completed, counts.completed, limit, now);
    const rest = this.#failed.iterate() as unknown as Iterable<Old>;
    const others = beyond(rest, failed, counts.failed + counts.cancelled, limit - done.length, now);
    const gone = [...done, ...others];
    let removed = 0;
    do {
      this.#removeAll(gone.slice(removed, removed + AT_ONCE));
      removed = Math.min(removed + AT_ONCE, gone.length);
    } while (removed < gone.length && performance.now() - startedAt < LONG_MS);
    return { removed, isCutShort: removed < gone.length };
  }

  #removeAll(jobs: readonly Old[]): void {
    if (jobs.length === 0) return;
    const done = jobs.filter(({ status }) => status === CODES.completed);
    this.#strikeOut(done);
    for (const [task, some] of Map.groupBy(done, (job) => job.task))
      this.#uncomplete.run(task, JSON.stringify(some.map(({ id }) => id)));
    const keys = JSON.stringify(jobs.map(({ key }) => key));
    for (const remove of this.#remove) remove.run(keys);
    for (const { task, status } of jobs) this.#tables.tally.note(task, statusOf(status), -1);
  }

  /** Ordered by completion time, then id. */
  *#oldestCompleted(): Generator<Old> {
    for (
      let next = this.#nextTime.get(-1);
      next !== undefined;
      next = this.#nextTime.get(next.completed_at as number)
    ) {
      yield* this.#completedAt.all(next.completed_at as number) as unknown as Old[];
    }
  }

  #strikeOut(jobs: readonly Old[]): void {
    const byTime = Map.groupBy(jobs, ({ completed_at }) => completed_at);
    for (const [time, gone] of byTime) {
      this.#strike.run(JSON.stringify(gone.map(({ key }) => key)), time);
      this.#strikeEmpty.run(time);
    }
  }
}

/** Those of finished jobs, given in the order of removal, that are to be removed now. */
function beyond(
  oldest: Iterable<Old>,
  { ageMs, count }: Retention,
  total: number,
  limit: number,
  now: number,
): readonly Old[] {
  let tooMany = count === null ? 0 : total - count;
  const old: Old[] = [];
  let held = 0;
  for (const job of oldest) {
    const isOld = ageMs !== null && job.completed_at < now - ageMs;
    if (old.length >= limit || (tooMany <= 0 && !isOld)) break;
    if (job.held_until <= now) old.push(job);
    else if (++held > MAX_HELD_PASSED) break;
    tooMany--;
  }
  return old;
}
