import { setImmediate as nextTurn } from "node:timers/promises";

/** How long work may occupy the event loop before it yields: all work together, however much runs at the same time. */
const SLICE_MS = 4;

/** Work that waits for a slice. One starts per turn of the event loop, first in, first out. */
const waiting: (() => void)[] = [];
/** When the latest slice started. */
let startedAt = Number.NEGATIVE_INFINITY;

/** Splits long work into slices between which the event loop can turn and the work can be aborted. */
export class Pace {
  readonly #signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to {@link rest}, for loops whose steps are too short for an `await` each. */
  get isDue(): boolean {
    const elapsed = performance.now() - startedAt;
    // Negative if a test has set the clock back.
    return elapsed > SLICE_MS || elapsed < 0;
  }

  /** Yields to the event loop if it is time. Rejects with the signal's reason if that is aborted. */
  async rest(): Promise<void> {
    if (this.isDue) await nextSlice();
    this.#signal?.throwIfAborted();
  }
}

function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) void nextTurn().then(start);
  });
}

function start(): void {
  startedAt = performance.now();
  waiting.shift()?.();
  if (waiting.length > 0) void nextTurn().then(start);
}
