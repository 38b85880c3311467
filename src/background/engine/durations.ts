import type { Clock } from "../core/clock.ts";
import type { Store } from "../core/store.ts";

/** Completed jobs to look at. */
const SAMPLE = 20;
/** How long to cache an answer, since many clients may poll a status at the same time. */
const FRESH_MS = 5_000;
/** Most tasks to cache. */
const MAX_TASKS = 1_000;

interface Known {
  readonly at: number;
  readonly usualMs: Promise<number | null>;
}

/** How long the attempts of a task usually take: the median of its newest completed jobs. */
export class Durations {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Milliseconds, or `null` for a task that has completed no job yet. */
  usualMs(task: string): Promise<number | null> {
    const now = this.#clock.now();
    const known = this.#known.get(task);
    if (known !== undefined && now - known.at < FRESH_MS) return known.usualMs;
    if (this.#known.size >= MAX_TASKS) this.#known.clear();
    // Without an estimate, a status must still be returned.
    const usualMs = this.#measure(task).catch(() => null);
    this.#known.set(task, { at: now, usualMs });
    return usualMs;
  }

  async #measure(task: string): Promise<number | null> {
    const jobs = await this.#store.list({ status: "completed", task, before: null, limit: SAMPLE, isBrief: true });
    const times = jobs.map((job) => (job.completedAt as number) - (job.attemptedAt as number)).sort((a, b) => a - b);
    return times[times.length >> 1] ?? null;
  }
}
