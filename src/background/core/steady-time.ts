import type { TimeSource } from "./clock.ts";

/** The rate of time while the clock is behind: nine seconds take ten, and catching up takes ten times the gap. */
export const SPEED = 0.9;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The time of a store. When the clock is set back, it neither goes back nor stands still, since leases must expire and
 * retries become due meanwhile: it goes on more slowly until the clock has caught up.
 */
export class SteadyTime implements TimeSource {
  readonly #clock: TimeSource;
  #last = 0;
  /** This time and the clock's at the moment the clock was last found to be set back; `NEVER` while it is not behind. */
  #from = 0;
  #seen = NEVER;

  constructor(clock: TimeSource) {
    this.#clock = clock;
  }

  /** Continues from a time that was given out before, as by an earlier process with the same jobs. */
  continueFrom(instant: number): void {
    this.#last = Math.max(this.#last, instant);
  }

  now(): number {
    const now = this.#clock.now();
    if (now < this.#last) {
      this.#last = this.#slowly(now);
    } else {
      this.#last = now;
      this.#seen = NEVER;
    }
    return this.#last;
  }

  /** How far the clock is behind. */
  aheadMs(): number {
    const time = this.now();
    // The clock may have advanced since it was read.
    return Math.max(0, time - this.#clock.now());
  }

  #slowly(now: number): number {
    const slow = this.#from + Math.floor((now - this.#seen) * SPEED);
    if (slow >= this.#last) return slow;
    this.#from = this.#last;
    this.#seen = now;
    return this.#last;
  }
}
