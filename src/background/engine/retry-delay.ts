const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** The delays between tries while a store fails: from 100 ms, doubling up to 5 s, each with half of it random. */
export class RetryDelay {
  #nextMs = FIRST_MS;

  /** Milliseconds to wait after another failure; `random` is at least 0 and below 1. */
  next(random: number): number {
    const ms = this.#nextMs * (1 - random / 2);
    this.#nextMs = Math.min(2 * this.#nextMs, LONGEST_MS);
    return ms;
  }

  /** Starts over after a success. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
