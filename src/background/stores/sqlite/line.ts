import type { StatementSync } from "node:sqlite";
import type { NextJob } from "../../core/store.ts";
import type { Statements } from "./statements.ts";

/** The pending jobs, in the order of claims. */
export class Line {
  readonly #addFrom: StatementSync;
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #first: StatementSync;

  constructor(db: Statements) {
    const add = "INSERT INTO rapidai_due SELECT lane, run_at, id, key, task FROM rapidai_jobs";
    this.#addFrom = db.prepare(`${add} WHERE key >= ?`);
    this.#add = db.prepare(`${add} WHERE key = ?`);
    this.#remove = db.prepare(
      "DELETE FROM rapidai_due WHERE (lane, run_at, id) = (SELECT lane, run_at, id FROM rapidai_jobs WHERE key = ?)",
    );
    this.#first = db.prepare("SELECT id, run_at FROM rapidai_due WHERE lane = ? ORDER BY run_at, id LIMIT 1");
  }

  /** Adds the new jobs from this key on: keys ascend, and no other connection inserts during this transaction. */
  addFrom(key: number): void {
    this.#addFrom.run(key);
  }

  add(key: number): void {
    this.#add.run(key);
  }

  remove(key: number): void {
    this.#remove.run(key);
  }

  /** The job of a lane that is claimed next. */
  first(lane: string, now: number): NextJob | null {
    const row = this.#first.get(lane);
    return row === undefined ? null : { id: row.id as string, waitMs: now - (row.run_at as number) };
  }
}
