import type { DatabaseSync, StatementSync } from "node:sqlite";
import { TIME_LIMIT } from "./numbers.ts";
import type { Statements } from "./statements.ts";

/**
 * The latest time stored in a file, from which time continues when it is opened, even if the clock was set back since,
 * and with every write, even if only another process noticed that the clock was ahead. As storing it with every call
 * would slow each down, only some calls do; the jobs' own times supply the rest.
 */
export class LatestTime {
  readonly #note: StatementSync;
  readonly #noted: StatementSync;

  constructor(db: Statements) {
    this.#note = db.prepare("UPDATE rapidai_clock SET latest = ? WHERE latest < ?");
    this.#noted = db.prepare(`SELECT latest FROM rapidai_clock WHERE latest < ${TIME_LIMIT}`);
  }

  /** For rare calls whose leases or waits would otherwise end too late. */
  note(now: number): void {
    this.#note.run(now, now);
  }

  /** The latest time that any process has noted. */
  noted(): number {
    return (this.#noted.get()?.latest as number | undefined) ?? 0;
  }
}

/** Times have at most 15 digits: a larger value in a damaged row would stop the time for good. */
const LATEST = `
  SELECT coalesce(max(at), 0) AS at FROM (
    SELECT latest AS at FROM rapidai_clock
    UNION ALL SELECT created_at FROM rapidai_jobs WHERE key = (SELECT max(key) FROM rapidai_jobs)
    UNION ALL SELECT max(completed_at) FROM rapidai_completions WHERE completed_at < ${TIME_LIMIT}
    UNION ALL SELECT max(completed_at) FROM rapidai_jobs WHERE status > 2 AND completed_at < ${TIME_LIMIT}
  ) WHERE at >= 0 AND at < ${TIME_LIMIT}`;

/** The latest time in a file that was just opened. */
export function latestTimeIn(db: DatabaseSync): number {
  return db.prepare(LATEST).get()?.at as number;
}
