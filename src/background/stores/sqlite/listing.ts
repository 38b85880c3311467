import type { StatementSync } from "node:sqlite";
import { JOB_STATUSES, type JobStatus } from "../../core/status.ts";
import type { ListFilter } from "../../core/store.ts";
import { CODES } from "./statuses.ts";
import type { Tables } from "./tables.ts";

/** Sorts after every id. */
const LAST = "\uffff";

/** Finds the ids of a page, newest first, by reading from each index range in that order what the page may need. */
export class Listing {
  readonly #tables: Tables;
  readonly #all: StatementSync;
  readonly #pending: StatementSync;
  readonly #running: StatementSync;
  readonly #completed: StatementSync;
  readonly #failed: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#all = db.prepare("SELECT id FROM rapidai_jobs WHERE id < ? ORDER BY id DESC LIMIT ?");
    this.#pending = db.prepare("SELECT id FROM rapidai_due WHERE task = ? AND id < ? ORDER BY id DESC LIMIT ?");
    this.#running = db.prepare(
      `SELECT id FROM rapidai_running AS run CROSS JOIN rapidai_jobs AS job ON job.key = run.key
       WHERE task = coalesce(?, task) AND id < ? ORDER BY id DESC LIMIT ?`,
    );
    this.#completed = db.prepare("SELECT id FROM rapidai_completed WHERE task = ? AND id < ? ORDER BY id DESC LIMIT ?");
    this.#failed = db.prepare(
      "SELECT id FROM rapidai_jobs WHERE status > 2 AND task = ? AND status = ? AND id < ? ORDER BY id DESC LIMIT ?",
    );
  }

  ids({ status, task, before, limit }: ListFilter): string[] {
    const end = before ?? LAST;
    if (status === null && task === null) return idsOf(this.#all.all(end, limit));
    const statuses = status === null ? JOB_STATUSES : [status];
    const found = statuses.flatMap((name) => this.#ofStatus(name, task, end, limit));
    return found.sort((a, b) => (a < b ? 1 : -1)).slice(0, limit);
  }

  #ofStatus(status: JobStatus, task: string | null, end: string, limit: number): string[] {
    if (status === "running") return idsOf(this.#running.all(task, end, limit));
    const tasks = task === null ? this.#tasksWith(status) : [task];
    return tasks.flatMap((name) => idsOf(this.#ofTask(status, name, end, limit)));
  }

  #ofTask(status: JobStatus, task: string, end: string, limit: number): Record<string, unknown>[] {
    if (status === "pending") return this.#pending.all(task, end, limit);
    if (status === "completed") return this.#completed.all(task, end, limit);
    return this.#failed.all(task, CODES[status], end, limit);
  }

  #tasksWith(status: JobStatus): string[] {
    return [...this.#tables.tally.read()].filter(([, counts]) => counts[status] > 0).map(([task]) => task);
  }
}

function idsOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => row.id as string);
}
