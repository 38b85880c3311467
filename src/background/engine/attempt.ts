import type { Clock } from "../core/clock.ts";
import { decode, encode } from "../core/codec.ts";
import { JobError } from "../core/errors.ts";
import type { ValueLimits } from "../core/limits.ts";
import type { Outcome } from "../core/outcome.ts";
import type { ClaimedJob, Progress } from "../core/store.ts";
import { runInOwnContext } from "./current-job.ts";
import type { TaskDefinition } from "./definition.ts";
import { JobAtHand, type Reporter } from "./job.ts";
import { checkPayload } from "./payload.ts";
import type { AttemptSpans } from "./spans.ts";

/** What an attempt needs besides its job. */
export interface AttemptHost {
  readonly clock: Clock;
  readonly limits: ValueLimits;
  /** How long a handler may go on after its signal was aborted before its slot is reused. */
  readonly graceMs: number;
  /** The attempt has ended and its slot is free. Without an outcome it no longer owns the job: there is nothing to settle. */
  ended(attempt: Attempt, outcome: Outcome | null): void;
  /** The attempt has something to store: progress, log lines or usage. */
  reported(attempt: Attempt, progress: Progress | null): void;
}

/** A handler's promise may have its own `then`, which `await` would not call either. */
const { then } = Promise.prototype;

/** One run of a job's handler: ends exactly once, whatever the handler does. */
export class Attempt implements Reporter {
  readonly job: ClaimedJob;
  readonly token: string;
  readonly definition: TaskDefinition;
  /** What its handler gets; collects what that reports. */
  readonly atHand: JobAtHand;
  /** The spans that observers opened around it. */
  spans: AttemptSpans | null = null;
  /** When the lease was last renewed: the time at which the renewing call was sent. */
  renewedAt: number;
  /** How long it ran, in milliseconds, by this process's clock, not the store's; 0 until it has ended. */
  durationMs = 0;
  readonly #startedAt: number;
  readonly #host: AttemptHost;
  #fate: "running" | "cancelled" | "lost" | "stopping" = "running";
  #isOver = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    job: ClaimedJob,
    token: string,
    definition: TaskDefinition,
    claimedAt: number,
    now: number,
    host: AttemptHost,
  ) {
    this.job = job;
    this.token = token;
    this.definition = definition;
    this.renewedAt = claimedAt;
    this.#startedAt = now;
    this.#host = host;
    this.atHand = new JobAtHand(job.id, job.task, job.attempts, job.maxRetries, this, job.usage);
  }

  start(): void {
    const { timeoutMs } = this.definition;
    if (timeoutMs !== null) this.#stopTimer = this.#host.clock.after(timeoutMs, () => this.#runOutOfTime(timeoutMs));
    this.#run();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isCancelled(): boolean {
    return this.#fate === "cancelled";
  }

  get isLost(): boolean {
    return this.#fate === "lost";
  }

  /** Cancels the attempt, even one that has ended and is being settled. */
  cancel(): void {
    if (this.#isOver) this.#fate = "cancelled";
    else
      this.#abandon(
        "cancelled",
        new JobError("job_cancelled", `Job ${this.job.id} of task '${this.job.task}' was cancelled.`, this.#about()),
      );
  }

  /** Aborts the attempt because its lease is lost, or may soon be; `false` if it has ended or was aborted before. */
  lose(): boolean {
    if (this.#isOver || this.#fate !== "running") return false;
    this.#abandon(
      "lost",
      new JobError(
        "lease_lost",
        `The lease of job ${this.job.id} of task '${this.job.task}' was lost: another worker may be running it now, so stop without further side effects.`,
        this.#about(),
      ),
    );
    return true;
  }

  /** Aborts the signal because the worker is stopping, so that the handler can end gracefully. */
  stop(): void {
    if (this.#fate !== "running") return;
    this.#fate = "stopping";
    this.atHand.abort(
      new JobError(
        "shutting_down",
        `The worker is stopping: job ${this.job.id} of task '${this.job.task}' goes back to its queue.`,
        this.#about(),
      ),
    );
  }

  /** Hands the job back although its handler, which was told to stop, is still running. */
  release(): void {
    this.#end(this.#fate === "stopping" ? { kind: "released" } : null);
  }

  reported(progress: Progress | null): void {
    this.#host.reported(this, progress);
  }

  /** From the stored payload to the outcome, step by step. */
  #run(): void {
    const { schema } = this.definition;
    const { id: jobId, task, payload: text } = this.job;
    let payload: unknown;
    try {
      payload = decode(text, { what: "payload", task, jobId });
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (schema === undefined) this.#handle(payload);
    else
      runInOwnContext(this.atHand, () => checkPayload(schema, payload, task, jobId), payload).then(
        (checked) => this.#checked(checked),
        (error) => this.#refuse(error),
      );
  }

  /** While an asynchronous schema ran, the attempt may have ended or lost its job: then the handler must not run. */
  #checked(payload: unknown): void {
    if (this.#fate === "running" && !this.#isOver) this.#handle(payload);
    else this.#fail(this.atHand.abortReason);
  }

  /** A payload that does not fit its schema never will; another error of a schema, as when it looks things up, may pass. */
  #refuse(error: unknown): void {
    this.#conclude({ kind: error instanceof JobError ? "rejected" : "failed", error });
  }

  #handle(payload: unknown): void {
    try {
      then.call(
        Promise.resolve(this.#call(payload)),
        (value) => this.#complete(value),
        (error) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Only the handler runs in the observers' contexts, not what the worker does before and after it. */
  #call(payload: unknown): unknown {
    const { spans, atHand } = this;
    const { handler } = this.definition;
    if (spans === null) return runInOwnContext(atHand, handler, payload);
    return runInOwnContext(atHand, () => spans.run(() => handler(payload, atHand)), payload);
  }

  #complete(value: unknown): void {
    const { id: jobId, task } = this.job;
    let result: string;
    try {
      result = encode(value, { what: "result", limit: this.#host.limits.result, task, jobId });
    } catch (error) {
      this.#conclude({ kind: "rejected", error });
      return;
    }
    this.#conclude({ kind: "completed", result });
  }

  #fail(error: unknown): void {
    this.#conclude({ kind: "failed", error });
  }

  #runOutOfTime(timeoutMs: number): void {
    const error = new JobError(
      "attempt_timeout",
      `Attempt ${this.job.attempts} of job ${this.job.id} of task '${this.job.task}' took longer than its timeout of ${timeoutMs} ms.`,
      this.#about(),
    );
    this.atHand.abort(error);
    this.#conclude({ kind: "failed", error });
  }

  #abandon(fate: "cancelled" | "lost", reason: JobError): void {
    this.#fate = fate;
    this.#stopTimer?.();
    this.#stopTimer = this.#host.clock.after(this.#host.graceMs, () => this.#end(null));
    this.atHand.abort(reason);
  }

  #conclude(outcome: Outcome): void {
    if (this.#fate === "running") this.#end(outcome);
    else if (this.#fate === "cancelled") this.#end(null);
    // A handler that throws because it was asked to stop has not failed.
    else if (outcome.kind !== "failed") this.#end(outcome);
    else this.#end(this.#fate === "stopping" ? { kind: "released" } : null);
  }

  #end(outcome: Outcome | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.durationMs = Math.max(0, this.#host.clock.now() - this.#startedAt);
    this.#stopTimer?.();
    this.atHand.close();
    this.#host.ended(this, outcome);
  }

  #about(): { jobId: string; task: string } {
    return { jobId: this.job.id, task: this.job.task };
  }
}
