import type { TimeSource } from "../../background/core/clock.ts";

/** A clock that stands still until it is moved, in either direction. */
export class HandClock implements TimeSource {
  #now = 1_750_000_000_000;

  now(): number {
    return this.#now;
  }

  move(byMs: number): void {
    this.#now += byMs;
  }
}
