import type { StatementSync } from "node:sqlite";
import type { Statements } from "./statements.ts";

/** Later than any lease ends. */
export const NEVER: number = Number.MAX_SAFE_INTEGER;

/**
 * Until when no lease runs out. It saves every claim a search, and every claim and settlement an index of the leases: only
 * once that instant has come are the running attempts looked through, some once in the length of a lease.
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

  /** Whether a lease may have run out. */
  mayHaveEnded(now: number): boolean {
    return (this.#first.get()?.none_ends_before as number) <= now;
  }

  /** Leases end then: for whoever gives or renews one. */
  endAt(instant: number): void {
    this.#note.run(instant, instant);
  }

  /** After all that ran out were looked through. */
  recount(): void {
    this.#recount.run();
  }
}
