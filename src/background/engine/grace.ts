import { MAX_TIMER_MS } from "../core/duration.ts";

/** A limit on a wait, in real time, that can be shortened meanwhile. */
export class Grace {
  readonly #over = Promise.withResolvers<void>();
  #endsAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** The shortest time given, in milliseconds. */
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
    this.shorten(ms);
  }

  shorten(ms: number): void {
    const endsAt = performance.now() + ms;
    if (endsAt >= this.#endsAt) return;
    clearTimeout(this.#timer);
    this.#endsAt = endsAt;
    this.ms = ms;
    this.#timer = setTimeout(this.#over.resolve, Math.min(ms, MAX_TIMER_MS));
  }

  /** Resolves once the promise does or the time is over. */
  async wait(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.#over.promise]);
    // Nothing is left to shorten.
    clearTimeout(this.#timer);
    this.#endsAt = Number.NEGATIVE_INFINITY;
  }
}
