import type { StatementSync } from "node:sqlite";
import { isCancellable, isRetryable } from "../../core/lifecycle.ts";
import type { JobStatus } from "../../core/status.ts";
import type { CancelRequest, RetryRequest } from "../../core/store.ts";
import type { SignalBuffer } from "./signal-buffer.ts";
import { statusOf } from "./statuses.ts";
import type { Tables } from "./tables.ts";

interface Found {
  readonly key: number;
  readonly task: string;
  readonly lane: string;
  readonly status: JobStatus;
}

/** Cancels and retries by hand. Guard: the status, read in the same transaction. */
export class ManualChanges {
  readonly #tables: Tables;
  readonly #find: StatementSync;
  readonly #cancel: StatementSync;
  readonly #retry: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#find = db.prepare("SELECT key, task, lane, status FROM rapidai_records WHERE id = ?");
    this.#cancel = db.prepare("UPDATE rapidai_jobs SET status = 4, completed_at = ?, cancelled_by = ? WHERE key = ?");
    this.#retry = db.prepare(
      `UPDATE rapidai_jobs SET status = 0, completed_at = NULL, cancelled_by = NULL, losses = 0, run_at = ?,
       attempt_limit = attempts + max_retries + 1 WHERE key = ?`,
    );
  }

  cancel(requests: readonly CancelRequest[], now: number, signals: SignalBuffer): boolean[] {
    const { attempts, line } = this.#tables;
    return requests.map(({ id, task, by }) => {
      const job = this.#foundOf(id, task);
      if (job === undefined || !isCancellable(job.status)) return false;
      if (job.status === "running") {
        attempts.end(job.key, "cancelled");
        signals.cancelled(id);
      } else line.remove(job.key);
      this.#cancel.run(now, by, job.key);
      this.#moved(job, "cancelled");
      signals.finished(id);
      return true;
    });
  }

  retry(requests: readonly RetryRequest[], now: number, signals: SignalBuffer): boolean[] {
    return requests.map(({ id, task }) => {
      const job = this.#foundOf(id, task);
      if (job === undefined || !isRetryable(job.status)) return false;
      this.#retry.run(now, job.key);
      this.#tables.line.add(job.key);
      this.#moved(job, "pending");
      signals.ready(job.lane);
      return true;
    });
  }

  #foundOf(id: string, task: string | null): Found | undefined {
    const row = this.#find.get(id) as unknown as
      | { key: number; task: string; lane: string; status: number }
      | undefined;
    if (row === undefined || (task !== null && row.task !== task)) return undefined;
    return { ...row, status: statusOf(row.status) };
  }

  #moved({ task, status }: Found, to: JobStatus): void {
    this.#tables.tally.note(task, status, -1);
    this.#tables.tally.note(task, to, 1);
  }
}
