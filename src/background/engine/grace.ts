import { MAX_TIMER_MS } from "../core/duration.ts";

/** How long something is waited for, in real time; it may be shortened meanwhile. */
export class Grace {
  readonly #over = Promise.withResolvers<void>();
  #endsAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds: the shortest that was asked for. */
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
    this.ms = Math.min(this.ms, ms);
    this.#timer = setTimeout(this.#over.resolve, Math.min(ms, MAX_TIMER_MS));
  }

  /** Resolves with the promise, or when it is over. */
  async wait(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.#over.promise]);
    // Nothing is left to be shortened.
    clearTimeout(this.#timer);
    this.#endsAt = Number.NEGATIVE_INFINITY;
  }
}
