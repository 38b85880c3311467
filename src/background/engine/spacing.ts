import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Jobs for which a second call is made beside one that is under way. Fewer wait for its answer and go with the next: a call costs a
 * store as much as some of its jobs, and where jobs end at random there would be one for each.
 */
export const WORTH_A_SECOND = 8;

/** Turns of the event loop until what ended is settled, the next call is made, and both are written to the network. */
const TURNS = 2;

/**
 * Keeps calls apart that could begin at once. What the first leads to is on its way to the store before the second keeps
 * this process busy, and from then on the one works while the other does; two that go out together are answered together,
 * and so for ever.
 */
export class Spacing {
  #begun: Promise<void> = Promise.resolve();

  /** Resolves when the next one may begin: at once unless another just did. */
  async next(): Promise<void> {
    const before = this.#begun;
    this.#begun = before.then(async () => {
      for (let turn = 0; turn < TURNS; turn++) await nextTurn();
    });
    await before;
  }
}
