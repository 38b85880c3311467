import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { MAX_LOG_LINE_BYTES, MAX_LOG_LINES } from "../core/limits.ts";
import { type ProgressUpdate, progressOf } from "../core/progress.ts";
import type { Patch, Progress, Usage } from "../core/store.ts";
import { truncate } from "../core/text.ts";
import { addUsage, usageOf } from "../core/usage.ts";

/** The job at hand: the handler's second argument, and what {@link currentJob} returns. */
export interface Job {
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  readonly maxRetries: number;
  /** Aborted when the job is cancelled, out of time, lost or its worker stops; `reason` is a JobError whose code says which. */
  readonly signal: AbortSignal;
  /**
   * Reports how far the attempt has come: a fraction from 0 to 1, or `{ done, total, message }`, the message cut to 1 KiB.
   *
   * @throws JobError `invalid_option` for anything else
   */
  progress(update: ProgressUpdate): void;
  /** Keeps a line of text with the job: the newest 1,000 lines, each cut to 4 KiB. */
  log(message: string): void;
  /**
   * Adds what an LLM call used to the job's `usage`, the sum over all its attempts. `LLM` does so by itself; call it for
   * what a client of your own used. `cost` is in US dollars, `null` where the price is unknown: the sum's is then, too.
   *
   * @throws JobError `invalid_option` for anything but whole numbers of tokens and an amount
   * @example
   * ```ts
   * job.recordUsage({ inputTokens: 1_200, outputTokens: 80, cost: 0.0016 });
   * ```
   */
  recordUsage(usage: Usage): void;
}

const current = new AsyncLocalStorage<Job>();

/**
 * The job whose handler is running, anywhere below it; `undefined` outside of one.
 *
 * @example
 * ```ts
 * export async function download(url: string) {
 *   return fetch(url, { signal: currentJob()?.signal ?? null });
 * }
 * ```
 */
export function currentJob(): Job | undefined {
  return current.getStore();
}

/** Runs a handler with `currentJob()` set to its job, and in its caller's context for the rest. */
export function runWith<P, R>(job: Job, handler: (payload: P, job: Job) => R, payload: P): R {
  return current.run(job, handler, payload, job);
}

const KIND = "rapidai.attempt";
/** The context in which this file was first imported. */
const apart = new AsyncResource(KIND);
/** Node.js before 24 keeps what is entered in the resource itself, where the next attempt would find it. */
const isKept = apart.runInAsyncScope(() => {
  const probe = new AsyncLocalStorage<boolean>();
  probe.enterWith(true);
  return () => probe.getStore() === true;
});
const mayShare = !apart.runInAsyncScope(isKept);

/**
 * The same in a context of its own, and not in that of the request that happened to wake the worker. It is left as a whole in
 * the end, so that `enterWith` will do for it, which takes a fifth of the time of `run` and a third of its memory.
 */
export function runApart<P, R>(job: Job, handler: (payload: P, job: Job) => R, payload: P): R {
  const own = mayShare ? apart : apart.runInAsyncScope(() => new AsyncResource(KIND));
  return own.runInAsyncScope(enter<P, R>, undefined, job, handler, payload);
}

function enter<P, R>(job: Job, handler: (payload: P, job: Job) => R, payload: P): R {
  current.enterWith(job);
  return handler(payload, job);
}

/** Has a job count as lost, whatever is done about the others that run here. */
export function loseJob(job: Job): void {
  if (job instanceof PartOfJob || job instanceof JobAtHand) job.lose();
}

/** A job at hand under the name of another task, which is called within it: whatever is reported is the job's. */
export class PartOfJob implements Job {
  readonly task: string;
  readonly #whole: Job;

  constructor(whole: Job, task: string) {
    this.#whole = whole;
    this.task = task;
  }

  get id(): string {
    return this.#whole.id;
  }

  get attempt(): number {
    return this.#whole.attempt;
  }

  get maxRetries(): number {
    return this.#whole.maxRetries;
  }

  get signal(): AbortSignal {
    return this.#whole.signal;
  }

  progress(update: ProgressUpdate): void {
    this.#whole.progress(update);
  }

  log(message: string): void {
    this.#whole.log(message);
  }

  recordUsage(usage: Usage): void {
    this.#whole.recordUsage(usage);
  }

  lose(): void {
    loseJob(this.#whole);
  }
}

/** Hears of each report, so that it can be stored. */
export interface Reporter {
  reported(progress: Progress | null): void;
  /** The job is to belong to this attempt no more. */
  lose(): void;
}

/** A {@link Job} that gathers what its handler reports until it is taken to be stored. */
export class JobAtHand implements Job {
  readonly id: string;
  readonly task: string;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly #reporter: Reporter | undefined;
  #controller: AbortController | undefined;
  #progress: Progress | null = null;
  #lines: string[] | undefined;
  #usage: Usage | null;
  #isUsageNews = false;
  #isOver = false;

  constructor(
    id: string,
    task: string,
    attempt: number,
    maxRetries: number,
    reporter?: Reporter,
    usageBefore: Usage | null = null,
  ) {
    this.id = id;
    this.task = task;
    this.attempt = attempt;
    this.maxRetries = maxRetries;
    this.#reporter = reporter;
    this.#usage = usageBefore;
  }

  // Made when asked for: most handlers never look at it, and it costs more than all the rest.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  progress(update: ProgressUpdate): void {
    const progress = progressOf(update);
    if (this.#isOver) return;
    this.#progress = progress;
    this.#reporter?.reported(progress);
  }

  log(message: string): void {
    if (this.#isOver) return;
    this.#lines ??= [];
    this.#lines.push(truncate(String(message), MAX_LOG_LINE_BYTES));
    if (this.#lines.length > 2 * MAX_LOG_LINES) this.#lines = this.#lines.slice(-MAX_LOG_LINES);
    this.#reporter?.reported(null);
  }

  recordUsage(usage: Usage): void {
    const used = usageOf(usage);
    if (this.#isOver) return;
    this.#usage = addUsage(this.#usage, used);
    this.#isUsageNews = true;
    this.#reporter?.reported(null);
  }

  lose(): void {
    this.#reporter?.lose();
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  get abortReason(): unknown {
    return this.#controller?.signal.aborted ? this.#controller.signal.reason : undefined;
  }

  /** What was reported since the last time, or `null`. */
  takePatch(): Patch | null {
    if (this.#progress === null && this.#lines === undefined && !this.#isUsageNews) return null;
    const logs = this.#lines?.slice(-MAX_LOG_LINES) ?? [];
    const patch: Patch = { progress: this.#progress, logs, usage: this.#isUsageNews ? this.#usage : null };
    this.#progress = null;
    this.#lines = undefined;
    this.#isUsageNews = false;
    return patch;
  }

  /** The patch could not be stored: what is newer goes before it. */
  putBack({ progress, logs, usage }: Patch): void {
    this.#progress ??= progress;
    if (usage !== null) this.#isUsageNews = true;
    if (logs.length > 0) this.#lines = [...logs, ...(this.#lines ?? [])].slice(-MAX_LOG_LINES);
  }

  /** The attempt is over: what the handler still reports is dropped. */
  close(): void {
    this.#isOver = true;
  }
}
