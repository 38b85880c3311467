import type { StatementSync } from "node:sqlite";
import type { Statements } from "./statements.ts";

/** The pending jobs, in the order of claims. */
export class Line {
  readonly #addFrom: StatementSync;
  readonly #add: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: Statements) {
    const add = "INSERT INTO rapidai_due SELECT lane, run_at, id, key, task FROM rapidai_jobs";
    this.#addFrom = db.prepare(`${add} WHERE key >= ?`);
    this.#add = db.prepare(`${add} WHERE key = ?`);
    this.#remove = db.prepare(
      "DELETE FROM rapidai_due WHERE (lane, run_at, id) = (SELECT lane, run_at, id FROM rapidai_jobs WHERE key = ?)",
    );
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
}
