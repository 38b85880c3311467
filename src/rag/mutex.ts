/** A lock that is granted in the order of the requests. */
export class Mutex {
  readonly #waiting = new Set<() => void>();
  #isLocked = false;

  /** Waits for the lock, which is held until {@link release}. Rejects with the signal's reason when that is aborted. */
  async acquire(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#isLocked) {
      this.#isLocked = true;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      this.#waiting.delete(resolve);
      reject(signal?.reason);
    };
    this.#waiting.add(resolve);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#isLocked = false;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
