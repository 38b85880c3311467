import type { StatementSync } from "node:sqlite";
import { TIME_LIMIT } from "./numbers.ts";
import type { Statements } from "./statements.ts";

/** How far the stored time may be behind the latest call: storing it with every call would slow each down. */
const MAX_BEHIND_MS = 1_000;

/**
 * The latest time of all calls, stored in the file. Time goes on from it when a file is opened, even if the clock was set
 * back since, and with every write, even if only another process noticed that the clock was ahead.
 */
export class LatestTime {
  readonly #stored: StatementSync;
  readonly #store: StatementSync;

  constructor(db: Statements) {
    // A larger value, of a damaged row, would stop the time for good.
    this.#stored = db.prepare(`SELECT latest FROM rapidai_clock WHERE latest < ${TIME_LIMIT}`);
    this.#store = db.prepare("UPDATE rapidai_clock SET latest = ? WHERE latest < ?");
  }

  read(): number {
    return (this.#stored.get()?.latest as number | undefined) ?? 0;
  }

  /**
   * The time of a call that has no transaction of ours: the later of its own and the stored one. Stores it first, since SQLite
   * does not wait for other writers once a transaction has begun by reading.
   */
  continued(now: number): number {
    this.#store.run(now, now - MAX_BEHIND_MS);
    return Math.max(now, this.read());
  }

  /** Stores the time of a call if it is much later than the latest, which was read in the same transaction. */
  note(now: number, latest: number): void {
    if (now - latest > MAX_BEHIND_MS) this.#store.run(now, now);
  }
}
