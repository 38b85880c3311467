import { decode, type ValueKind } from "./codec.ts";
import { isDone } from "./lifecycle.ts";
import { toPlain } from "./plain.ts";
import type { Failure, JobRecord, PastAttempt, Progress, Usage } from "./store.ts";

/** A failed attempt. */
export interface AttemptError {
  /** Its number, from 1. */
  readonly attempt: number;
  readonly name: string;
  /** The error's `code`, or that of its nearest cause with one: `"attempt_timeout"`, `"ECONNREFUSED"`. */
  readonly code?: string;
  readonly message: string;
  readonly stack: string | null;
  /** When the attempt ended. */
  readonly at: Date;
}

interface Base {
  /** Lower-case UUIDv7. */
  readonly jobId: string;
  /** The task's name. */
  readonly task: string;
  /** When it was enqueued. */
  readonly createdAt: Date;
  /** When the latest attempt started; `null` before the first. */
  readonly attemptedAt: Date | null;
  /** The earliest start of its next attempt, after a delay or the wait before a retry. */
  readonly runAt: Date;
  /** Attempts started so far. */
  readonly attempts: number;
  /** Attempts allowed after the first. */
  readonly maxRetries: number;
  /** What the latest attempt reported last. */
  readonly progress: Progress | null;
  /** When a running job should end, judged by its progress or by earlier jobs of its task; `null` if unknown. */
  readonly estimatedCompletion: Date | null;
  /** Tokens and cost of the LLM calls of all attempts. */
  readonly usage: Usage | null;
  /** Failed attempts, oldest first; the newest 20 are kept. */
  readonly errors: readonly AttemptError[];
}

/** A job that has not started yet, or waits for a retry. */
export interface PendingJob extends Base {
  readonly status: "pending";
  readonly isDone: false;
  readonly result: null;
  /** Why the last attempt failed, if one did. */
  readonly error: string | null;
  readonly startedAt: Date | null;
  readonly completedAt: null;
  readonly duration: null;
}

/** A job whose handler is running. */
export interface RunningJob extends Base {
  readonly status: "running";
  readonly isDone: false;
  readonly result: null;
  /** Why the previous attempt failed, if one did. */
  readonly error: string | null;
  readonly startedAt: Date;
  readonly attemptedAt: Date;
  readonly completedAt: null;
  readonly duration: null;
}

/** A job whose handler returned. */
export interface CompletedJob<R> extends Base {
  readonly status: "completed";
  readonly isDone: true;
  /** What the handler returned: a fresh copy. */
  readonly result: R;
  readonly error: null;
  readonly startedAt: Date;
  readonly completedAt: Date;
  /** Seconds from `startedAt` to `completedAt`. */
  readonly duration: number;
}

/** A job that failed for good. */
export interface FailedJob extends Base {
  readonly status: "failed";
  readonly isDone: true;
  readonly result: null;
  /** Why the last attempt failed. */
  readonly error: string;
  readonly startedAt: Date;
  readonly completedAt: Date;
  /** Seconds from `startedAt` to `completedAt`. */
  readonly duration: number;
}

/** A job that was cancelled. */
export interface CancelledJob extends Base {
  readonly status: "cancelled";
  readonly isDone: true;
  readonly result: null;
  /** Why the last attempt before the cancel failed, if one did. */
  readonly error: string | null;
  readonly startedAt: Date | null;
  readonly completedAt: Date;
  /** Seconds from `startedAt` to `completedAt`; `null` when it never started. */
  readonly duration: number | null;
}

/** A job that is completed, failed or cancelled. */
export type FinishedJob<R = unknown> = CompletedJob<R> | FailedJob | CancelledJob;

/**
 * The state of a job: a frozen snapshot, discriminated by `status` and `isDone`. `JSON.stringify` of it never throws.
 *
 * @example
 * ```ts
 * const job = await processDocument.getResult(jobId);
 * if (job?.status === "completed") console.log(job.result, `${job.duration} s`);
 * ```
 */
export type JobResult<R = unknown> = PendingJob | RunningJob | FinishedJob<R>;

/** One attempt of a job. */
export interface AttemptHistory {
  readonly attempt: number;
  readonly status: "running" | "completed" | "failed" | "cancelled";
  /** The worker that ran it. */
  readonly worker: string | null;
  readonly startedAt: Date;
  /** `null` while it runs, or if it is no longer known. */
  readonly endedAt: Date | null;
  readonly error: Pick<AttemptError, "name" | "code" | "message" | "stack"> | null;
}

/** A {@link JobResult} with everything else that is stored of the job. */
export type JobDetails<R = unknown> = JobResult<R> & {
  /** What it was enqueued with: a fresh copy, or `null` if it cannot be read. */
  readonly payload: unknown;
  /** The newest 1,000 lines of `job.log`. */
  readonly logs: readonly string[];
  /** Attempts, oldest first: failed ones (the newest 20), and the latest. */
  readonly history: readonly AttemptHistory[];
  /** The worker of the latest attempt. */
  readonly worker: string | null;
  /** Who cancelled it, if given. */
  readonly cancelledBy: string | null;
  /** The most attempts that it may have: `maxRetries` and one more, counted from its last retry by hand if there was one. */
  readonly attemptLimit: number;
  /** How many workers were lost while they ran it, since it was enqueued or last retried by hand. */
  readonly losses: number;
  /** The trace it was enqueued in: a W3C `traceparent`, then a space and the `tracestate` if there is one. */
  readonly trace: string | null;
};

/** What `estimatedCompletion` is computed from: the time, and how long attempts of the task usually take, if known. */
export interface Estimate {
  readonly now: number;
  readonly usualMs: number | null;
}

/** The snapshot of a record. */
export function resultOf(record: JobRecord, estimate: Estimate): JobResult {
  return Object.freeze(Object.defineProperty(fieldsOf(record, estimate), "toJSON", TO_JSON)) as JobResult;
}

/** The detailed snapshot of a record read with `isDetailed`. */
export function detailsOf(record: JobRecord, estimate: Estimate): JobDetails {
  const more = {
    payload: decoded(record.payload, "payload", record).value ?? null,
    logs: Object.freeze([...record.logs]),
    history: Object.freeze(historyOf(record).map((entry) => Object.freeze(entry))),
    worker: record.worker,
    cancelledBy: record.cancelledBy,
    attemptLimit: record.attemptLimit,
    losses: record.losses,
    trace: record.trace,
  };
  const fields = Object.assign(fieldsOf(record, estimate), more);
  return Object.freeze(Object.defineProperty(fields, "toJSON", TO_JSON)) as JobDetails;
}

/** Defined on each snapshot, not on a class: a handler may return a snapshot, and only plain data can be stored. */
const TO_JSON: PropertyDescriptor = {
  value(this: { readonly result?: unknown }): unknown {
    // JSON would leave out the `undefined` of a handler that returned nothing.
    return toPlain({ ...this, result: this.result ?? null });
  },
};

function fieldsOf(record: JobRecord, estimate: Estimate): object {
  const { status, startedAt, completedAt, past } = record;
  const isCompleted = status === "completed";
  const read = isCompleted ? decoded(record.result ?? "null", "result", record) : { value: null, error: null };
  return {
    jobId: record.id,
    task: record.task,
    status,
    result: read.value,
    // That of a completed job, if any, says why its result cannot be read, so that listings do not fail.
    error: isCompleted ? read.error : (past.at(-1)?.message ?? null),
    errors: Object.freeze(past.map(attemptError)),
    createdAt: dateAt(record.createdAt),
    startedAt: dateOf(startedAt),
    attemptedAt: dateOf(record.attemptedAt),
    completedAt: dateOf(completedAt),
    runAt: dateAt(record.runAt),
    attempts: record.attempts,
    maxRetries: record.maxRetries,
    progress: frozen(record.progress),
    estimatedCompletion: dateOf(estimatedCompletion(record, estimate)),
    usage: frozen(record.usage),
    isDone: isDone(status),
    duration: startedAt === null || completedAt === null ? null : (completedAt - startedAt) / 1_000,
  };
}

/** The value of a stored text, or `null` and why it cannot be read. */
function decoded(
  text: string,
  what: ValueKind["what"],
  { task, id }: JobRecord,
): { readonly value: unknown; readonly error: string | null } {
  try {
    return { value: decode(text, { what, task, jobId: id }), error: null };
  } catch (error) {
    return { value: null, error: (error as Error).message };
  }
}

/** The largest time value of a Date (ECMAScript). */
const LATEST_DATE = 8.64e15;

function estimatedCompletion({ status, attemptedAt, progress }: JobRecord, { now, usualMs }: Estimate): number | null {
  if (status !== "running" || attemptedAt === null) return null;
  const fraction = progress?.fraction ?? 0;
  if (fraction > 0) {
    const at = Math.round(attemptedAt + Math.max(0, now - attemptedAt) / fraction);
    return at <= LATEST_DATE ? at : null;
  }
  return usualMs === null ? null : Math.max(now, Math.round(attemptedAt + usualMs));
}

function attemptError(past: PastAttempt): AttemptError {
  return Object.freeze({ attempt: past.attempt, ...failureIn(past), at: dateAt(past.endedAt) });
}

function failureIn({ name, code, message, stack }: PastAttempt): Failure {
  return { name, ...(code !== undefined && { code }), message, stack };
}

function historyOf(record: JobRecord): AttemptHistory[] {
  const history = record.past.map(
    (past): AttemptHistory => ({
      attempt: past.attempt,
      status: "failed",
      worker: past.worker,
      startedAt: dateAt(past.startedAt),
      endedAt: dateAt(past.endedAt),
      error: failureIn(past),
    }),
  );
  const { status, attempts, attemptedAt } = record;
  const isLatestMissing = attempts > 0 && attemptedAt !== null && record.past.at(-1)?.attempt !== attempts;
  if (!isLatestMissing) return history;
  // Every failure is recorded, so a latest attempt that has ended without one completed or was cancelled.
  const ended = status === "running" || status === "completed" ? status : "cancelled";
  const endedAt = dateOf(record.completedAt);
  return [
    ...history,
    { attempt: attempts, status: ended, worker: record.worker, startedAt: dateAt(attemptedAt), endedAt, error: null },
  ];
}

function frozen<T extends object>(value: T | null): T | null {
  return value === null ? null : Object.freeze({ ...value });
}

/** The nearest valid Date: an invalid one would throw when formatted. */
export function dateAt(instant: number): Date {
  return new Date(Math.max(-LATEST_DATE, Math.min(instant, LATEST_DATE)));
}

function dateOf(instant: number | null): Date | null {
  return instant === null ? null : dateAt(instant);
}
