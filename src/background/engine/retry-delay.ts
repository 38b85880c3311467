const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** The waits between tries while a store fails: from 100 ms on, doubled up to 5 s, half of each left to chance. */
export class Patience {
  #nextMs = FIRST_MS;

  /** How long to wait after one more failure; `random` is 0 up to 1. */
  next(random: number): number {
    const ms = this.#nextMs * (1 - random / 2);
    this.#nextMs = Math.min(2 * this.#nextMs, LONGEST_MS);
    return ms;
  }

  /** A try went well. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
