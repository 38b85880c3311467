import { setImmediate as nextTurn } from "node:timers/promises";

/** How long work goes on before everything else gets its turn, in milliseconds. */
const STRETCH_MS = 8;

/** Lets long work be shared out over turns of the event loop, and be stopped between them. */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  #since: number = performance.now();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to {@link rest}: for loops whose steps are too small to await each. */
  get isDue(): boolean {
    return performance.now() - this.#since > STRETCH_MS;
  }

  /** Lets the event loop turn if it is time. Rejects with the signal's reason once that is aborted. */
  async rest(): Promise<void> {
    if (this.isDue) {
      await nextTurn();
      this.#since = performance.now();
    }
    this.#signal?.throwIfAborted();
  }
}
