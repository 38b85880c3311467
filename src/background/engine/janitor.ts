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

/** This many newly finished jobs trigger a sweep at once. */
const SWEEP_AT = 1_000;
/** Fewer trigger one after this time. */
const SWEEP_AFTER_MS = 1_000;
/** Jobs outlive their retention even if none finishes. */
const SWEEP_EVERY_MS = 60_000;

/** Removes finished jobs that retention does not keep, a page at a time. */
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
    this.#sweepIn(SWEEP_EVERY_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer?.();
  }

  /** Notes that a job has finished. */
  finished(): void {
    this.#finished++;
    if (this.#isStopped || this.#isSweeping) return;
    if (this.#finished >= SWEEP_AT) void this.#sweep();
    else if (!this.#isSoon) {
      this.#isSoon = true;
      this.#sweepIn(SWEEP_AFTER_MS);
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
        // The next page is not urgent.
        if (removed === PAGE) await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#init.onError(error);
    }
    this.#isSweeping = false;
    this.#sweepIn(SWEEP_EVERY_MS);
  }

  #sweepIn(ms: number): void {
    this.#stopTimer?.();
    if (this.#isStopped) return;
    this.#stopTimer = this.#init.clock.after(ms, () => void this.#sweep(), Number.POSITIVE_INFINITY);
  }
}
