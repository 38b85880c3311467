import type { JobResult } from "../background/core/result.ts";
import type { StatusCounts } from "../background/core/store.ts";
import type { Counts } from "../background/engine/counts.ts";
import type { FinishedJobs, JobQueue } from "../background/engine/queue.ts";

/** The median and the 95th percentile of durations, in milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** Statistics of a queue at one moment. */
export interface StatsPoint {
  readonly at: Date;
  readonly byStatus: StatusCounts;
  /** Of at most 50 tasks, those with the most jobs. */
  readonly byTask: Readonly<Record<string, StatusCounts>>;
  /** Jobs finished per second since the previous point, in all processes; `null` in the first point. */
  readonly throughput: number | null;
  /** How many of them failed, per second; estimated while retention removes failed jobs. */
  readonly failures: number | null;
  /** Run times of the last attempts of a sample of the jobs finished within the last minute; `null` if there are none. */
  readonly runMs: Quantiles | null;
  /** How long these attempts had been due when they started. */
  readonly waitMs: Quantiles | null;
}

/** Recent statistics of a queue: the answer to `GET /stats`. */
export interface Stats {
  /** Interval between two points, in milliseconds. */
  readonly everyMs: number;
  /** Oldest first. */
  readonly points: readonly StatsPoint[];
}

export interface StatsInit {
  readonly queue: JobQueue;
  /** Subscribes to finished jobs. Resolves with the function that ends the subscription. */
  readonly onFinished: (listener: (finished: FinishedJobs) => void) => Promise<() => void>;
}

const EVERY_MS = 2_000;
/** Half an hour. */
const MAX_POINTS = 900;
const MAX_TASKS = 50;
/** How long after the last request recording stops. */
const IDLE_MS = 60_000;
/** How many jobs are read for a point, of those finished since the previous one. */
const SAMPLE = 20;
/** How long a job's times are taken into account. */
const RECENT_MS = 60_000;
const MAX_RECENT = 2_000;

interface Times {
  readonly at: number;
  readonly runMs: number;
  readonly waitMs: number;
}

/**
 * Records data points for charts, in bounded memory, while clients request them. A point takes one count and one read
 * of at most 20 jobs, however many jobs are stored.
 */
export class StatsRing {
  readonly #init: StatsInit;
  #points: StatsPoint[] = [];
  #recent: Times[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #requestedAt = 0;
  #sampledAt = 0;
  /** How many jobs have finished since the last point, and a random sample of them. */
  #finished = 0;
  #sample: string[] = [];
  /** Finished jobs in the counts of the last point, and failed ones. */
  #doneBefore = 0;
  #failedBefore = 0;
  #starting: Promise<void> | undefined;

  constructor(init: StatsInit) {
    this.#init = init;
  }

  /** The points after an instant. The first call starts recording, and waits for the first point. */
  async read(after = 0): Promise<Stats> {
    this.#requestedAt = performance.now();
    if (this.#timer === undefined) {
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined;
      });
      await this.#starting;
    }
    return { everyMs: EVERY_MS, points: this.#points.filter(({ at }) => at.getTime() > after) };
  }

  /** Stops recording until the next request. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  async #start(): Promise<void> {
    this.#stopListening ??= await this.#init.onFinished(({ jobIds }) => this.#noteFinished(jobIds));
    try {
      await this.#record(true);
    } catch (error) {
      this.pause();
      throw error;
    }
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      if (performance.now() - this.#requestedAt > IDLE_MS) return this.pause();
      // While the store is unreachable there is a gap.
      await this.#record(false).catch(() => {});
      if (this.#timer !== undefined) this.#schedule();
    }, EVERY_MS);
    this.#timer.unref();
  }

  #noteFinished(jobIds: readonly string[]): void {
    for (const jobId of jobIds) {
      this.#finished++;
      // Reservoir sampling (Vitter's algorithm R): each job has the same chance of being sampled.
      if (this.#sample.length < SAMPLE) this.#sample.push(jobId);
      else {
        const slot = Math.floor(Math.random() * this.#finished);
        if (slot < SAMPLE) this.#sample[slot] = jobId;
      }
    }
  }

  async #record(isFirst: boolean): Promise<void> {
    const { queue } = this.#init;
    const [finished, sample] = [this.#finished, this.#sample];
    this.#finished = 0;
    this.#sample = [];
    const [counts, jobs] = await Promise.all([
      queue.counts(),
      // No job has been signalled yet: the newest completed ones stand in for them.
      isFirst
        ? queue.listJobs({ status: "completed", limit: SAMPLE })
        : Promise.all(sample.map((id) => queue.getResult(id))),
    ]);
    const now = performance.now();
    const at = new Date();
    this.#noteTimes(jobs, at.getTime(), isFirst);
    const { completed, failed, cancelled } = counts.byStatus;
    const done = completed + failed + cancelled;
    // Both may be too low, since retention reduces the counts, and signals may get lost: the larger one is more accurate.
    const ended = Math.max(finished, done - this.#doneBefore);
    const moreFailed = failed - this.#failedBefore;
    const endedFailed = moreFailed > 0 ? moreFailed : ended * shareOfFailed(jobs);
    const elapsedMs = now - this.#sampledAt;
    const perSecond = (number: number) => (isFirst ? null : round((number / elapsedMs) * 1_000));
    this.#sampledAt = now;
    this.#doneBefore = done;
    this.#failedBefore = failed;
    this.#points.push(
      Object.freeze({
        at,
        ...mostOf(counts),
        throughput: perSecond(ended),
        failures: perSecond(endedFailed),
        runMs: quantilesOf(this.#recent.map(({ runMs }) => runMs)),
        waitMs: quantilesOf(this.#recent.map(({ waitMs }) => waitMs)),
      }),
    );
    // After a pause in which nobody watched, points may be old.
    const oldest = at.getTime() - MAX_POINTS * EVERY_MS;
    this.#points = this.#points.filter((point) => point.at.getTime() > oldest).slice(-MAX_POINTS);
  }

  #noteTimes(jobs: readonly (JobResult | null)[], now: number, isFirst: boolean): void {
    const times = jobs.flatMap((job) => {
      if (!job?.attemptedAt || !job.completedAt || job.status === "cancelled") return [];
      // Jobs of the sample have just finished, while their times are by the store's clock, which may differ.
      return { at: isFirst ? job.completedAt.getTime() : now, ...timesOf(job) };
    });
    this.#recent = [...this.#recent, ...times].filter(({ at }) => now - at < RECENT_MS).slice(-MAX_RECENT);
  }
}

function shareOfFailed(jobs: readonly (JobResult | null)[]): number {
  const known = jobs.filter((job) => job !== null);
  return known.filter(({ status }) => status === "failed").length / Math.max(1, known.length);
}

function timesOf({ attemptedAt, completedAt, runAt }: JobResult): Omit<Times, "at"> {
  const [began, ended] = [Number(attemptedAt), Number(completedAt)];
  return { runMs: Math.max(0, ended - began), waitMs: Math.max(0, began - Number(runAt)) };
}

function mostOf({ byStatus, byTask }: Counts): Pick<StatsPoint, "byStatus" | "byTask"> {
  const tasks = Object.entries(byTask);
  if (tasks.length <= MAX_TASKS) return { byStatus, byTask };
  const sizeOf = (counts: StatusCounts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const most = tasks.sort(([, a], [, b]) => sizeOf(b) - sizeOf(a)).slice(0, MAX_TASKS);
  return { byStatus, byTask: Object.fromEntries(most) };
}

function quantilesOf(values: readonly number[]): Quantiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] as number;
  return { p50: at(0.5), p95: at(0.95) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
