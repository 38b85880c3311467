import type { Clock } from "../core/clock.ts";
import { decode, encode } from "../core/codec.ts";
import { JobError } from "../core/errors.ts";
import type { ValueLimits } from "../core/limits.ts";
import type { Outcome } from "../core/outcome.ts";
import type { ClaimedJob, Patch, Progress } from "../core/store.ts";
import type { TaskDefinition } from "./definition.ts";
import { JobAtHand, type Reporter, runApart } from "./job.ts";
import { checkPayload } from "./payload.ts";
import type { AttemptSpans } from "./spans.ts";

/** What an attempt needs beside its job. */
export interface AttemptHost {
  readonly clock: Clock;
  readonly limits: ValueLimits;
  /** How long a handler may go on after its signal was aborted before its slot is given to another. */
  readonly graceMs: number;
  /** It is over and its slot is free. No outcome: the job belongs to it no more, and there is nothing to settle. */
  ended(attempt: Attempt, outcome: Outcome | null): void;
  /** Progress or a log line is there to be stored. */
  reported(attempt: Attempt, progress: Progress | null): void;
}

/** A handler's promise may have a `then` of its own, which `await` would not ask either. */
const { then } = Promise.prototype;

/** One run of a job's handler: ends exactly once, whatever the handler does. */
export class Attempt implements Reporter {
  readonly job: ClaimedJob;
  readonly token: string;
  readonly definition: TaskDefinition;
  readonly atHand: JobAtHand;
  /** What observers have open around it. */
  spans: AttemptSpans | null = null;
  /** When the lease was last known to be held: the instant before the call that renewed it. */
  renewedAt: number;
  /** By this process's clock, which is not the store's. */
  readonly startedAt: number;
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
    this.startedAt = now;
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

  /** The job was cancelled: says whether this attempt learns it now, be it over and on its way to be settled. */
  cancel(): boolean {
    if (this.#fate === "cancelled") return false;
    if (this.#isOver) {
      this.#fate = "cancelled";
      return true;
    }
    this.#forsake(
      "cancelled",
      new JobError("job_cancelled", `Job ${this.job.id} of task '${this.job.task}' was cancelled.`, this.#about()),
    );
    return true;
  }

  /** The lease is somebody else's, or soon may be: says whether this attempt learns it now. */
  lose(): boolean {
    if (this.#isOver || this.#fate !== "running") return false;
    this.#forsake(
      "lost",
      new JobError(
        "lease_lost",
        `The lease of job ${this.job.id} of task '${this.job.task}' was lost: another worker may run it now, so stop without further effects.`,
        this.#about(),
      ),
    );
    return true;
  }

  /** The worker stops: whoever listens to the signal can end in good order. */
  stop(): void {
    if (this.#isOver || this.#fate !== "running") return;
    this.#fate = "stopping";
    this.atHand.abort(
      new JobError(
        "shutting_down",
        `The worker stops: job ${this.job.id} of task '${this.job.task}' goes back to its queue.`,
        this.#about(),
      ),
    );
  }

  /** Hands the job back although its handler goes on. */
  release(): void {
    this.#end(this.#fate === "running" || this.#fate === "stopping" ? { kind: "released" } : null);
  }

  reported(progress: Progress | null): void {
    this.#host.reported(this, progress);
  }

  takePatch(): Patch | null {
    return this.atHand.takePatch();
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
      runApart(this.atHand, () => checkPayload(schema, payload, task, jobId), payload).then(
        (checked) => this.#checked(checked),
        (error) => this.#refuse(error),
      );
  }

  /** While a schema looked something up, the attempt may have ended or its job gone: then nobody waits for its effects. */
  #checked(payload: unknown): void {
    if (this.#fate === "running" && !this.#isOver) this.#handle(payload);
    else this.#fail(this.atHand.abortReason);
  }

  /** A schema may look things up: what it throws may not come again, while what it says of a payload stays true. */
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

  /** The handler alone is in the observers' contexts: what comes before and after it is the worker's. */
  #call(payload: unknown): unknown {
    const { spans, atHand } = this;
    const { handler } = this.definition;
    if (spans === null) return runApart(atHand, handler, payload);
    return runApart(atHand, () => spans.run(() => handler(payload, atHand)), payload);
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

  #forsake(fate: "cancelled" | "lost", reason: JobError): void {
    this.#fate = fate;
    this.#stopTimer?.();
    this.#stopTimer = this.#host.clock.after(this.#host.graceMs, () => this.#end(null));
    this.atHand.abort(reason);
  }

  #conclude(outcome: Outcome): void {
    if (this.#fate === "running") this.#end(outcome);
    else if (this.#fate === "cancelled") this.#end(null);
    // A handler that throws because it was told to stop has not failed.
    else if (outcome.kind !== "failed") this.#end(outcome);
    else this.#end(this.#fate === "stopping" ? { kind: "released" } : null);
  }

  #end(outcome: Outcome | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer?.();
    this.atHand.close();
    this.#host.ended(this, outcome);
  }

  #about(): { jobId: string; task: string } {
    return { jobId: this.job.id, task: this.job.task };
  }
}
