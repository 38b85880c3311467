import { setImmediate as nextTurn } from "node:timers/promises";

/** Bytes, roughly, to decode in one turn of the event loop, which takes some milliseconds. */
const PER_TURN = 1_048_576;
/** A value up to this size need not wait for large ones: a thousand of them take some tens of milliseconds. */
const SMALL = 16_384;

/** Spreads work on large values over turns of the event loop, which a page of them would block for seconds. */
export class DecodingPace {
  #left = PER_TURN;
  #turn: Promise<void> | undefined;

  /** Resolves when it is the turn of a value of this size: a large one's comes after those before it. */
  async take(bytes: number): Promise<void> {
    while (bytes > SMALL && this.#left <= 0) {
      this.#turn ??= this.#nextTurn();
      await this.#turn;
    }
    this.#left -= bytes;
  }

  async #nextTurn(): Promise<void> {
    await nextTurn();
    this.#left = PER_TURN;
    this.#turn = undefined;
  }
}
