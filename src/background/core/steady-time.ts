import type { TimeSource } from "./clock.ts";

/** How fast time goes while the clock is behind: a wait of nine seconds takes ten, and what the clock lost is made up in ten times as long. */
export const SPEED = 0.9;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The time of a store. It never goes back when the clock is set back, and does not stand still until the clock is there again
 * either, since leases have to end and retries to begin meanwhile: it goes on more slowly, and the clock catches up with it.
 */
export class SteadyTime implements TimeSource {
  readonly #clock: TimeSource;
  #last = 0;
  /** The last time, and the clock's, when the clock was found to be behind; never while it is not. */
  #from = 0;
  #seen = NEVER;

  constructor(clock: TimeSource) {
    this.#clock = clock;
  }

  /** Not to fall behind a time that was told before, as by the process that kept the same jobs then. */
  goOnFrom(told: number): void {
    this.#last = Math.max(this.#last, told);
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
    // The clock may have gone on since it was looked at.
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
