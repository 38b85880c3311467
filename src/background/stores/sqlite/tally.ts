import type { StatementSync } from "node:sqlite";
import { JOB_STATUSES, type JobStatus } from "../../core/status.ts";
import type { StatusCounts } from "../../core/store.ts";
import type { Statements } from "./statements.ts";
import { CODES, statusOf } from "./statuses.ts";

/** The number of jobs by task and status, maintained with each change, since counting a million jobs takes long. */
export class Tally {
  readonly #add: StatementSync;
  readonly #forget: StatementSync;
  readonly #all: StatementSync;
  readonly #totals: StatementSync;
  readonly #changes = new Map<string, number[]>();

  constructor(db: Statements) {
    this.#add = db.prepare(
      "INSERT INTO rapidai_counts (task, status, jobs) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs",
    );
    this.#forget = db.prepare("DELETE FROM rapidai_counts WHERE task = ? AND status = ? AND jobs = 0");
    this.#all = db.prepare("SELECT task, status, jobs FROM rapidai_counts");
    // Not sum(), whose integer may exceed what JavaScript can read if a row is damaged.
    this.#totals = db.prepare("SELECT status, total(jobs) AS jobs FROM rapidai_counts GROUP BY status");
  }

  /** Notes a change, to be written at the end of the transaction. */
  note(task: string, status: JobStatus, by: number): void {
    const known = this.#changes.get(task);
    const changes = known ?? [0, 0, 0, 0, 0];
    changes[CODES[status]] = (changes[CODES[status]] as number) + by;
    if (known === undefined) this.#changes.set(task, changes);
  }

  /** Writes the noted changes. */
  write(): void {
    for (const [task, changes] of this.#changes) {
      for (const [code, by] of changes.entries()) {
        if (by === 0) continue;
        this.#add.run(task, code, by);
        if (by < 0) this.#forget.run(task, code);
      }
    }
    this.#changes.clear();
  }

  /** Discards the noted changes after a rollback. */
  drop(): void {
    this.#changes.clear();
  }

  /** The counts of each task. Includes the changes noted in this transaction. */
  read(): Map<string, StatusCounts> {
    this.write();
    const tasks = new Map<string, Record<JobStatus, number>>();
    for (const { task, status, jobs } of this.#all.all() as unknown as (Row & { readonly task: string })[]) {
      const counts = tasks.get(task) ?? noJobs();
      counts[statusOf(status)] = jobs;
      tasks.set(task, counts);
    }
    return tasks;
  }

  /** The counts of all tasks together, which takes a fraction of the time if there are thousands. */
  totals(): StatusCounts {
    this.write();
    const counts = noJobs();
    for (const { status, jobs } of this.#totals.all() as unknown as Row[]) counts[statusOf(status)] += jobs;
    return counts;
  }
}

interface Row {
  readonly status: number;
  readonly jobs: number;
}

function noJobs(): Record<JobStatus, number> {
  return Object.fromEntries(JOB_STATUSES.map((name) => [name, 0])) as Record<JobStatus, number>;
}
