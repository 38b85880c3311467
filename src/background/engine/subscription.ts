import type { Clock } from "../core/clock.ts";

/** How long it outlives its last use: callers often wait for another job, and subscribing anew may take a connection. */
const LINGER_MS = 10_000;

/** A subscription that exists while it is needed, and for a while after. */
export class Subscription {
  readonly #clock: Clock;
  readonly #subscribe: () => Promise<() => void>;
  #begun: Promise<() => void> | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, subscribe: () => Promise<() => void>) {
    this.#clock = clock;
    this.#subscribe = subscribe;
  }

  /** Subscribes unless it has; resolves once it is subscribed. After a failure the next call tries again. */
  need(): Promise<unknown> {
    this.#stopTimer?.();
    if (this.#begun === undefined) {
      const begun = this.#subscribe();
      this.#begun = begun;
      begun.catch(() => {
        if (this.#begun === begun) this.#begun = undefined;
      });
    }
    return this.#begun;
  }

  /** Notes that it is not needed for now. */
  release(): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(LINGER_MS, () => this.end());
  }

  end(): void {
    this.#stopTimer?.();
    const begun = this.#begun;
    this.#begun = undefined;
    begun?.then(
      (unsubscribe) => unsubscribe(),
      () => {},
    );
  }
}
