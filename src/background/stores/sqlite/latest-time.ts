import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Statements } from "./statements.ts";

/**
 * The latest time that a file knows: whoever opens it goes on from there, though the clock was set back meanwhile. A write with
 * each call would slow down each, so it is noted now and then, and besides read off what happened to jobs.
 */
export class LatestTime {
  readonly #note: StatementSync;

  constructor(db: Statements) {
    this.#note = db.prepare("UPDATE rapidai_clock SET latest = ? WHERE latest < ?");
  }

  /** For calls that are seldom made, and leave leases or waits behind that would end too late. */
  note(now: number): void {
    this.#note.run(now, now);
  }
}

/** Of at most 15 digits, as a time is: a damaged row would stop the time for good. */
const LATEST = `
  SELECT coalesce(max(at), 0) AS at FROM (
    SELECT latest AS at FROM rapidai_clock
    UNION ALL SELECT created_at FROM rapidai_jobs WHERE key = (SELECT max(key) FROM rapidai_jobs)
    UNION ALL SELECT max(completed_at) FROM rapidai_completions WHERE completed_at < 1e15
    UNION ALL SELECT max(completed_at) FROM rapidai_jobs WHERE status > 2 AND completed_at < 1e15
  ) WHERE at < 1e15`;

/** What a file that was just opened says of it. */
export function latestTimeIn(db: DatabaseSync): number {
  return db.prepare(LATEST).get()?.at as number;
}
