import { MAX_CALL_BYTES } from "./limits.ts";

/** Limits how much one call to a store carries: always the first entry, and the following ones as long as they fit. */
export class CallBudget {
  #bytes = 0;
  #isSpent = false;

  /** Whether an entry did not fit: it and all after it are left to the next call. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** Adds an entry; `false` if it does not fit. */
  take(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_CALL_BYTES) this.#isSpent = true;
    if (!this.#isSpent) this.#bytes += bytes;
    return !this.#isSpent;
  }
}
