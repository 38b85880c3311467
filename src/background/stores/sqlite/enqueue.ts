import type { StatementSync } from "node:sqlite";
import type { EnqueueAnswer, NewJob } from "../../core/store.ts";
import type { Tables } from "./tables.ts";
import type { Told } from "./told.ts";

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

  run(jobs: readonly NewJob[], now: number, told: Told): EnqueueAnswer[] {
    return jobs.map((job) => this.#add(job, now, told));
  }

  #add(job: NewJob, now: number, told: Told): EnqueueAnswer {
    const { texts, tally } = this.#tables;
    const isLong = texts.isLong(job.payload);
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
      isLong ? null : job.payload,
      job.trace,
    );
    if (changes === 0) return this.#taskOf.get(job.id)?.task === job.task ? "known" : "conflict";
    if (isLong) texts.put(Number(lastInsertRowid), "payload", job.payload);
    tally.note(job.task, "pending", 1);
    told.ready(job.lane);
    return "stored";
  }
}
