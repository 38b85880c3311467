import { MAX_CALL_BYTES } from "./limits.ts";

/** What one call carries: whatever comes first, and the others as long as they fit. */
export class CallBudget {
  #bytes = 0;
  #isSpent = false;

  /** There was one that did not fit; it and what comes behind it are for the next call. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** Whether this one goes as well. */
  take(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_CALL_BYTES) this.#isSpent = true;
    if (!this.#isSpent) this.#bytes += bytes;
    return !this.#isSpent;
  }
}
