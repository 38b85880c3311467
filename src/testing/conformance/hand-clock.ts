import type { TimeSource } from "../../background/core/clock.ts";

/** A clock that only moves when told to, forwards or backwards. */
export class HandClock implements TimeSource {
  #now = 1_750_000_000_000;

  now(): number {
    return this.#now;
  }

  move(byMs: number): void {
    this.#now += byMs;
  }
}
