import type { StatementSync } from "node:sqlite";
import { JOB_STATUSES, type JobStatus } from "../../core/status.ts";
import type { ListFilter } from "../../core/store.ts";
import { CODES } from "./statuses.ts";
import type { Tables } from "./tables.ts";

/** No id comes after it. */
const LAST = "\uffff";

/** Finds the ids of a page, newest first: of each range that an index has in that order, what the page may need. */
export class Listing {
  readonly #tables: Tables;
  readonly #all: StatementSync;
  readonly #range: StatementSync;
  readonly #running: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#all = db.prepare("SELECT id FROM rapidai_jobs WHERE id < ? ORDER BY id DESC LIMIT ?");
    this.#range = db.prepare(
      "SELECT id FROM rapidai_jobs WHERE status <> 1 AND task = ? AND status = ? AND id < ? ORDER BY id DESC LIMIT ?",
    );
    this.#running = db.prepare(
      "SELECT id FROM rapidai_jobs INDEXED BY rapidai_leases WHERE status = 1 AND (?1 IS NULL OR task = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3",
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
    return tasks.flatMap((name) => idsOf(this.#range.all(name, CODES[status], end, limit)));
  }

  #tasksWith(status: JobStatus): string[] {
    return [...this.#tables.tally.read()].filter(([, counts]) => counts[status] > 0).map(([task]) => task);
  }
}

function idsOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => row.id as string);
}
