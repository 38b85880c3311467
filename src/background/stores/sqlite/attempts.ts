import type { StatementSync } from "node:sqlite";
import type { JobStatus } from "../../core/status.ts";
import type { Patch } from "../../core/store.ts";
import type { JobHistory } from "./job-history.ts";
import type { JsonText } from "./json-text.ts";
import type { Statements } from "./statements.ts";
import { CODES, statusOf } from "./statuses.ts";

/** A running attempt. */
export interface Held {
  readonly key: number;
  readonly task: string;
  readonly lane: string;
  readonly attempts: number;
  readonly worker: JsonText<string>;
  readonly attempted_at: number;
}

/** The running attempts. Guard: the token. */
export class Attempts {
  readonly #history: JobHistory;
  readonly #held: StatementSync;
  readonly #report: StatementSync;
  readonly #hasLogs: StatementSync;
  readonly #putBack: StatementSync;
  readonly #remove: StatementSync;
  readonly #ended: StatementSync;

  constructor(db: Statements, history: JobHistory) {
    this.#history = history;
    this.#held = db.prepare(
      `SELECT run.key, task, lane, attempts + 1 AS attempts, json_quote(run.worker) AS worker, run.attempted_at
       FROM rapidai_jobs AS job JOIN rapidai_running AS run ON run.key = job.key WHERE job.id = ? AND run.token = ?`,
    );
    this.#report = db.prepare(
      "UPDATE rapidai_running SET progress = coalesce(?, progress), usage = coalesce(?, usage) WHERE key = ?",
    );
    this.#hasLogs = db.prepare("UPDATE rapidai_jobs SET has_logs = 1 WHERE key = ? AND has_logs = 0");
    this.#putBack = db.prepare(
      `UPDATE rapidai_jobs SET attempts = attempts + 1, started_at = coalesce(started_at, run.attempted_at),
       attempted_at = run.attempted_at, worker = run.worker, progress = run.progress,
       usage = coalesce(run.usage, rapidai_jobs.usage), ended_token = run.token, ended_as = ?
       FROM rapidai_running AS run WHERE run.key = rapidai_jobs.key AND rapidai_jobs.key = ?`,
    );
    this.#remove = db.prepare("DELETE FROM rapidai_running WHERE key = ?");
    this.#ended = db.prepare("SELECT ended_as FROM rapidai_records WHERE id = ? AND ended_token = ?");
  }

  /** The running attempt of a job under this token, if it still owns the job. */
  held(id: string, token: string): Held | undefined {
    return this.#held.get(id, token) as unknown as Held | undefined;
  }

  /** Stores what an attempt reported. */
  report(key: number, patch: Patch | null): void {
    if (patch === null) return;
    const { progress, usage, logs } = patch;
    if (progress !== null || usage !== null) this.#report.run(textOf(progress), textOf(usage), key);
    if (logs.length === 0) return;
    this.#hasLogs.run(key);
    this.#history.addLines(key, logs);
  }

  /** Ends an attempt that did not complete: moves its fields back to the job's own row. */
  end(key: number, as: JobStatus): void {
    this.#putBack.run(CODES[as], key);
    this.#remove.run(key);
  }

  /** How a job's attempt with this token ended, if it is the last one to end. */
  endOf(id: string, token: string): JobStatus | null {
    const ended = this.#ended.get(id, token);
    return ended === undefined ? null : statusOf(ended.ended_as as number);
  }
}

function textOf(part: unknown): string | null {
  return part === null ? null : JSON.stringify(part);
}
