import { setImmediate as nextTurn } from "node:timers/promises";

/** How long work may occupy the event loop before it yields. */
const SLICE_MS = 8;

/** Splits long work into slices between which the event loop can turn and the work can be aborted. */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  #since: number = performance.now();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to {@link rest}, for loops whose steps are too short for an `await` each. */
  get isDue(): boolean {
    return performance.now() - this.#since > SLICE_MS;
  }

  /** Yields to the event loop if it is time. Rejects with the signal's reason if that is aborted. */
  async rest(): Promise<void> {
    if (this.isDue) {
      await nextTurn();
      this.#since = performance.now();
    }
    this.#signal?.throwIfAborted();
  }
}
