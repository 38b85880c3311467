import { MAX_LOG_LINE_BYTES, MAX_LOG_LINES } from "../core/limits.ts";
import { type ProgressUpdate, progressOf } from "../core/progress.ts";
import type { Patch, Progress, Usage } from "../core/store.ts";
import { truncate } from "../core/text.ts";
import { addUsage, usageOf } from "../core/usage.ts";

/** The job at hand: the handler's second argument, and what `currentJob()` returns. */
export interface Job {
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  readonly maxRetries: number;
  /** Aborted when the job is cancelled, times out, is lost or its worker stops: the `code` of its `reason` says which. */
  readonly signal: AbortSignal;
  /**
   * Reports progress of this attempt: a fraction from 0 to 1, or `{ done, total, message }`, the message cut to 1 KiB. A
   * fraction over 1 counts as 1, so divide a percentage by 100.
   *
   * @throws JobError `invalid_option` for anything that is neither
   */
  progress(update: ProgressUpdate): void;
  /** Appends a line to the job's log, which keeps the newest 1,000 lines, each cut to 4 KiB. */
  log(message: string): void;
  /**
   * Adds the usage of an LLM call to the job's `usage`, the sum over all its attempts. `LLM` does this by itself; call it
   * for other clients. `cost` is in US dollars, `null` if the price is unknown, which makes that of the sum `null` too.
   *
   * @throws JobError `invalid_option` for anything but whole numbers of tokens and an amount
   * @example
   * ```ts
   * job.recordUsage({ inputTokens: 1_200, outputTokens: 80, cost: 0.0016 });
   * ```
   */
  recordUsage(usage: Usage): void;
}

/** Makes a job count as lost, whatever becomes of the others that run here. */
export function loseJob(job: Job): void {
  if (job instanceof PartOfJob || job instanceof JobAtHand) job.lose();
}

/** The job at hand as seen by a task called within its handler: under that task's name, reporting to the same job. */
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

/** Is told of each report, so that it gets stored. */
export interface Reporter {
  reported(progress: Progress | null): void;
  /** The attempt must give up the job as lost. */
  lose(): void;
}

/** A {@link Job} that collects what its handler reports until that is stored. */
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

  // Created on demand: most handlers never use it, and it costs more than all the rest.
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

  /** Takes back a patch that could not be stored; what was reported since takes precedence. */
  putBack({ progress, logs, usage }: Patch): void {
    this.#progress ??= progress;
    if (usage !== null) this.#isUsageNews = true;
    if (logs.length > 0) this.#lines = [...logs, ...(this.#lines ?? [])].slice(-MAX_LOG_LINES);
  }

  /** Ends the attempt: what the handler still reports is dropped. */
  close(): void {
    this.#isOver = true;
  }
}
