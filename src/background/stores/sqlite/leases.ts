import type { StatementSync } from "node:sqlite";
import type { Statements } from "./statements.ts";

/** Later than any lease ends. */
export const NEVER: number = Number.MAX_SAFE_INTEGER;

/**
 * A lower bound of when the next lease expires. It saves every claim a search, and every claim and settlement an index of
 * leases: running attempts are searched only once that instant has come, about once per lease.
 */
export class Leases {
  readonly #first: StatementSync;
  readonly #note: StatementSync;
  readonly #recount: StatementSync;

  constructor(db: Statements) {
    this.#first = db.prepare("SELECT none_ends_before FROM rapidai_leases");
    this.#note = db.prepare("UPDATE rapidai_leases SET none_ends_before = ? WHERE none_ends_before > ?");
    this.#recount = db.prepare(
      `UPDATE rapidai_leases SET none_ends_before = (SELECT coalesce(min(lease_ends_at), ${NEVER}) FROM rapidai_running)`,
    );
  }

  /** Whether a lease may have expired. */
  mayHaveEnded(now: number): boolean {
    return (this.#first.get()?.none_ends_before as number) <= now;
  }

  /** Notes that leases granted or renewed now expire at `instant`. */
  endAt(instant: number): void {
    this.#note.run(instant, instant);
  }

  /** Computes the bound anew, after expired leases have been handled. */
  recount(): void {
    this.#recount.run();
  }
}
