import type { StatementSync } from "node:sqlite";
import type { EnqueueAnswer, NewJob } from "../../core/store.ts";
import type { SignalBuffer } from "./signal-buffer.ts";
import type { Tables } from "./tables.ts";
import { isLong } from "./texts.ts";

/** Adds jobs. Guard: the unique id. */
export class Enqueue {
  readonly #tables: Tables;
  readonly #insert: StatementSync;
  readonly #taskOf: StatementSync;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#insert = tables.db.prepare(
      `INSERT INTO rapidai_jobs (id, v, task, lane, max_retries, attempt_limit, created_at, run_at, payload, trace)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    );
    this.#taskOf = tables.db.prepare("SELECT task FROM rapidai_jobs WHERE id = ?");
  }

  run(jobs: readonly NewJob[], now: number, signals: SignalBuffer): EnqueueAnswer[] {
    let first: number | undefined;
    const answers = jobs.map((job): EnqueueAnswer => {
      const key = this.#add(job, now);
      if (key === undefined) return this.#taskOf.get(job.id)?.task === job.task ? "known" : "conflict";
      first ??= key;
      this.#tables.tally.note(job.task, "pending", 1);
      signals.ready(job.lane);
      return "stored";
    });
    if (first === undefined) return answers;
    // A single job by its key, which a caller's connection plans well whatever its statistics; see `forgetStatistics`.
    if (jobs.length === 1) this.#tables.line.add(first);
    else this.#tables.line.addFrom(first);
    return answers;
  }

  /** Inserts a job and returns its key; `undefined` if its id exists already. */
  #add(job: NewJob, now: number): number | undefined {
    const isApart = isLong(job.payload, "payload");
    const runAt = Math.max(now, job.runAt ?? now + job.delayMs);
    const { changes, lastInsertRowid } = this.#insert.run(
      job.id,
      job.v,
      job.task,
      job.lane,
      job.maxRetries,
      job.maxRetries + 1,
      now,
      runAt,
      isApart ? null : job.payload,
      job.trace,
    );
    if (changes === 0) return undefined;
    const key = Number(lastInsertRowid);
    if (isApart) this.#tables.texts.put(key, "payload", job.payload);
    return key;
  }
}
