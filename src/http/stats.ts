import type { JobResult } from "../background/core/result.ts";
import type { StatusCounts } from "../background/core/store.ts";
import type { Counts } from "../background/engine/counts.ts";
import type { FinishedJobs, JobQueue } from "../background/engine/queue.ts";

/** Half of them took no longer than `p50`, 19 of 20 no longer than `p95`; milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** A queue at one moment. */
export interface StatsPoint {
  readonly at: Date;
  readonly byStatus: StatusCounts;
  /** Of the tasks with the most jobs, at most 50. */
  readonly byTask: Readonly<Record<string, StatusCounts>>;
  /** Jobs done per second since the point before, of all processes; `null` in the first one. */
  readonly throughput: number | null;
  /** How long the last attempts of jobs that were done in the last minute ran; `null` without any. */
  readonly runMs: Quantiles | null;
  /** How long they had been due before. */
  readonly waitMs: Quantiles | null;
}

/** A queue lately: what `GET /stats` answers. */
export interface Stats {
  /** Milliseconds between two points. */
  readonly everyMs: number;
  /** Oldest first. */
  readonly points: readonly StatsPoint[];
}

export interface StatsInit {
  readonly queue: JobQueue;
  /** Tells which jobs are done, until the function that it resolves with is called. */
  readonly onFinished: (listener: (finished: FinishedJobs) => void) => Promise<() => void>;
}

const EVERY_MS = 2_000;
/** Half an hour. */
const MAX_POINTS = 900;
const MAX_TASKS = 50;
/** For how long nobody has to look until no more points are made. */
const UNSEEN_MS = 60_000;
/** Jobs that are read for a point, out of those that are done since the one before. */
const SAMPLE = 20;
/** For how long a job's times count. */
const RECENT_MS = 60_000;
const MAX_RECENT = 2_000;

interface Times {
  readonly at: number;
  readonly runMs: number;
  readonly waitMs: number;
}

/**
 * What charts are drawn from: a bounded ring of points, made while somebody looks. A point costs one count and one read
 * of at most 20 jobs, however many are kept.
 */
export class StatsRing {
  readonly #init: StatsInit;
  #points: StatsPoint[] = [];
  #recent: Times[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #seenAt = 0;
  #sampledAt = 0;
  /** Jobs that are done since the last point, and a fair choice of them. */
  #finished = 0;
  #sample: string[] = [];
  /** Of the point before, by count. */
  #done = 0;
  #beginning: Promise<void> | undefined;

  constructor(init: StatsInit) {
    this.#init = init;
  }

  /** The points so far that are later than an instant; the first call makes the first one. */
  async read(after = 0): Promise<Stats> {
    this.#seenAt = performance.now();
    if (this.#timer === undefined) {
      this.#beginning ??= this.#begin().finally(() => {
        this.#beginning = undefined;
      });
      await this.#beginning;
    }
    return { everyMs: EVERY_MS, points: this.#points.filter(({ at }) => at.getTime() > after) };
  }

  /** Makes no more points until somebody looks again. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  async #begin(): Promise<void> {
    this.#stopListening ??= await this.#init.onFinished(({ jobIds }) => this.#noteFinished(jobIds));
    await this.#sampleNow(true);
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      if (performance.now() - this.#seenAt > UNSEEN_MS) return this.rest();
      // A store that is away leaves a gap.
      await this.#sampleNow(false).catch(() => {});
      if (this.#timer !== undefined) this.#schedule();
    }, EVERY_MS);
    this.#timer.unref();
  }

  #noteFinished(jobIds: readonly string[]): void {
    for (const jobId of jobIds) {
      this.#finished++;
      // Reservoir sampling (Vitter's algorithm R): each has the same chance to be among those that are read.
      if (this.#sample.length < SAMPLE) this.#sample.push(jobId);
      else {
        const place = Math.floor(Math.random() * this.#finished);
        if (place < SAMPLE) this.#sample[place] = jobId;
      }
    }
  }

  async #sampleNow(isFirst: boolean): Promise<void> {
    const { queue } = this.#init;
    const [finished, sample] = [this.#finished, this.#sample];
    this.#finished = 0;
    this.#sample = [];
    const [counts, jobs] = await Promise.all([
      queue.counts(),
      // Nothing was signalled yet: the newest that are there are the best guess.
      isFirst
        ? queue.listJobs({ status: "completed", limit: SAMPLE })
        : Promise.all(sample.map((id) => queue.getResult(id))),
    ]);
    const now = performance.now();
    const at = new Date();
    this.#noteTimes(jobs, at.getTime());
    const { completed, failed, cancelled } = counts.byStatus;
    const done = completed + failed + cancelled;
    // Retention takes from the counts, and signals may be missing: what is larger is nearer the truth.
    const ended = Math.max(finished, done - this.#done);
    const throughput = isFirst ? null : round((ended / (now - this.#sampledAt)) * 1_000);
    this.#sampledAt = now;
    this.#done = done;
    this.#points.push(
      Object.freeze({
        at,
        ...mostOf(counts),
        throughput,
        runMs: quantilesOf(this.#recent.map(({ runMs }) => runMs)),
        waitMs: quantilesOf(this.#recent.map(({ waitMs }) => waitMs)),
      }),
    );
    if (this.#points.length > MAX_POINTS) this.#points = this.#points.slice(-MAX_POINTS);
  }

  #noteTimes(jobs: readonly (JobResult | null)[], now: number): void {
    const times = jobs.flatMap((job) =>
      job?.attemptedAt && job.completedAt && job.status !== "cancelled" ? timesOf(job) : [],
    );
    this.#recent = [...this.#recent, ...times].filter(({ at }) => now - at < RECENT_MS).slice(-MAX_RECENT);
  }
}

function timesOf({ attemptedAt, completedAt, runAt }: JobResult): Times {
  const [began, ended] = [Number(attemptedAt), Number(completedAt)];
  return { at: ended, runMs: Math.max(0, ended - began), waitMs: Math.max(0, began - Number(runAt)) };
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
