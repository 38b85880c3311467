import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Fewest jobs that justify a second call beside one in flight. Fewer wait for its answer: a call costs the store as much
 * as several jobs, and where jobs end at random there would be a call for each.
 */
export const MIN_FOR_SECOND_CALL = 8;

/** Turns of the event loop until ended attempts are settled, the next call is made, and both are written to the socket. */
const TURNS = 2;

/**
 * Staggers calls that could go out together. What the first one leads to is sent before the second one occupies this
 * process, so that from then on the store works on one while the process works on the other. Calls that went out together
 * would be answered together, and so stay in step.
 */
export class Spacing {
  #begun: Promise<void> = Promise.resolve();

  /** Resolves when the next call may begin: at once, unless another has just begun. */
  async next(): Promise<void> {
    const before = this.#begun;
    this.#begun = before.then(async () => {
      for (let turn = 0; turn < TURNS; turn++) await nextTurn();
    });
    await before;
  }
}
