import type { Clock } from "../core/clock.ts";

/** Shorter outages change nothing: on a bad network claims may fail now and then, and lost jobs must not wait for a good one. */
const OUTAGE_MS = 6_000;
/** How long other workers may take to reach the store again: the longest pause between two tries, and a call. */
const BACK_WITHIN_MS = 7_000;

/**
 * After an outage in which leases may have expired, a worker takes over no lost jobs for some seconds: their workers are as alive
 * as it is and have to be heard first, or jobs that ended meanwhile run again.
 */
export class RecoveryPause {
  readonly #clock: Clock;
  readonly #minOutageMs: number;
  #answeredAt = 0;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#minOutageMs = Math.max(leaseMs / 2, OUTAGE_MS);
  }

  /** Whether lost jobs are left alone. */
  get isOn(): boolean {
    return this.#stopTimer !== undefined;
  }

  /** Notes that the store was reached. */
  answered(): void {
    this.#answeredAt = this.#clock.now();
  }

  /** Begins, or begins anew. */
  begin(): void {
    this.end();
    this.#stopTimer = this.#clock.after(BACK_WITHIN_MS, () => {
      this.#stopTimer = undefined;
    });
  }

  /** The same if the outage has been long. Called before each claim after one that failed. */
  beginIfLong(): void {
    if (this.#clock.now() - this.#answeredAt >= this.#minOutageMs) this.begin();
  }

  end(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}
