import type { Clock } from "../core/clock.ts";

/** How long it outlives its last use: whoever waited for a job mostly waits for another one, and to listen anew may take a connection. */
const LINGER_MS = 10_000;

/** A subscription that is there while it is needed, and for a while after. */
export class Subscription {
  readonly #clock: Clock;
  readonly #subscribe: () => Promise<() => void>;
  #begun: Promise<() => void> | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, subscribe: () => Promise<() => void>) {
    this.#clock = clock;
    this.#subscribe = subscribe;
  }

  /** Resolves once it is there. One that could not be made is tried anew by the next call. */
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

  /** It is not needed for now. */
  spare(): void {
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
