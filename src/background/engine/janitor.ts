import type { Clock } from "../core/clock.ts";
import type { PruneRequest, Store } from "../core/store.ts";
import { PAGE } from "./sweep.ts";

export interface JanitorInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  /** What is kept of finished jobs. */
  readonly retention: Pick<PruneRequest, "completed" | "failed">;
}

/** This many finished jobs are a reason to look at once. */
const MANY = 1_000;
/** Fewer are a reason to look this much later. */
const SOON_MS = 1_000;
/** Jobs grow old also when none finishes. */
const NOW_AND_THEN_MS = 60_000;

/** Removes finished jobs that need not be kept, a page at a time. */
export class Janitor {
  readonly #init: JanitorInit;
  #finished = 0;
  #isSweeping = false;
  #stopTimer: (() => void) | undefined;
  #isSoon = false;
  #isStopped = true;

  constructor(init: JanitorInit) {
    this.#init = init;
  }

  get isSettled(): boolean {
    return !this.#isSweeping;
  }

  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#sweepIn(NOW_AND_THEN_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer?.();
  }

  /** A job is done. */
  finished(): void {
    this.#finished++;
    if (this.#isStopped || this.#isSweeping) return;
    if (this.#finished >= MANY) void this.#sweep();
    else if (!this.#isSoon) {
      this.#isSoon = true;
      this.#sweepIn(SOON_MS);
    }
  }

  async #sweep(): Promise<void> {
    this.#isSweeping = true;
    this.#isSoon = false;
    this.#stopTimer?.();
    try {
      for (let removed = PAGE; removed === PAGE && !this.#isStopped; ) {
        this.#finished = 0;
        removed = await this.#init.store.prune({ ...this.#init.retention, limit: PAGE });
        // Another page is nothing urgent.
        if (removed === PAGE) await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#init.onError(error);
    }
    this.#isSweeping = false;
    this.#sweepIn(NOW_AND_THEN_MS);
  }

  #sweepIn(ms: number): void {
    this.#stopTimer?.();
    if (this.#isStopped) return;
    this.#stopTimer = this.#init.clock.after(ms, () => void this.#sweep(), Number.POSITIVE_INFINITY);
  }
}
