import { MAX_LOG_LINES, MAX_PAST_ATTEMPTS } from "../../core/limits.ts";
import type { JobStatus } from "../../core/status.ts";
import type { Failure, JobRecord, NewJob, PastAttempt, Patch, Progress, Usage, Wanted } from "../../core/store.ts";
import type { Entry } from "./heap.ts";
import type { Chunk } from "./id-index.ts";
import type { Line } from "./line.ts";

const NONE: readonly never[] = Object.freeze([]);

/** A job in this store: its record, and the fields that guard and index it. */
export class MemoryRecord {
  readonly v: number;
  readonly id: string;
  readonly task: string;
  readonly lane: string;
  readonly payload: string;
  readonly maxRetries: number;
  readonly trace: string | null;
  readonly createdAt: number;
  status: JobStatus = "pending";
  result: string | null = null;
  attempts = 0;
  attemptLimit: number;
  losses = 0;
  runAt: number;
  startedAt: number | null = null;
  attemptedAt: number | null = null;
  completedAt: number | null = null;
  worker: string | null = null;
  cancelledBy: string | null = null;
  progress: Progress | null = null;
  usage: Usage | null = null;
  past: readonly PastAttempt[] = NONE;
  logs: readonly string[] = NONE;

  /** Owns the current attempt. */
  token: string | null = null;
  leaseEndsAt = 0;
  /** The token of the attempt that ended last, and how it ended, which makes settling idempotent. */
  endedToken: string | null = null;
  endedAs: JobStatus | null = null;
  /** Until then it is not pruned, because somebody waits for it. */
  heldUntil = 0;
  /** The line that it is in, of its lane or of finished jobs, if any, and its place there. */
  line: Line | null = null;
  place = 0;
  /** Its entry in the heap of its lane, if any. */
  entry: Entry | null = null;
  /** Its chunk in the index of its task and status. */
  chunk: Chunk | null = null;

  constructor(job: NewJob, now: number) {
    this.v = job.v;
    this.id = job.id;
    this.task = job.task;
    this.lane = job.lane;
    this.payload = job.payload;
    this.maxRetries = job.maxRetries;
    this.trace = job.trace;
    this.attemptLimit = job.maxRetries + 1;
    this.createdAt = now;
    this.runAt = Math.max(now, job.runAt ?? now + job.delayMs);
  }

  apply(patch: Patch): void {
    if (patch.progress !== null) this.progress = Object.freeze({ ...patch.progress });
    if (patch.usage !== null) this.usage = Object.freeze({ ...patch.usage });
    if (patch.logs.length > 0) this.logs = [...this.logs, ...patch.logs].slice(-MAX_LOG_LINES);
  }

  remember(failure: Failure, now: number): void {
    const past: PastAttempt = Object.freeze({
      ...failure,
      attempt: this.attempts,
      worker: this.worker as string,
      startedAt: this.attemptedAt as number,
      endedAt: now,
    });
    this.past = Object.freeze([...this.past, past].slice(-MAX_PAST_ATTEMPTS));
  }

  /** Ends the current attempt; `as` says how. */
  end(as: JobStatus): void {
    this.endedToken = this.token;
    this.endedAs = as;
    this.token = null;
  }

  /** How the attempt with this token ended, if it is the last one to end. */
  endOf(token: string): JobStatus | null {
    return this.endedToken === token ? this.endedAs : null;
  }

  snapshot({ isDetailed = false, isBrief = false }: Wanted): JobRecord {
    return {
      v: this.v,
      id: this.id,
      task: this.task,
      status: this.status,
      payload: isDetailed ? this.payload : "",
      result: isBrief ? null : this.result,
      maxRetries: this.maxRetries,
      attempts: this.attempts,
      attemptLimit: this.attemptLimit,
      losses: this.losses,
      createdAt: this.createdAt,
      runAt: this.runAt,
      startedAt: this.startedAt,
      attemptedAt: this.attemptedAt,
      completedAt: this.completedAt,
      worker: this.worker,
      cancelledBy: this.cancelledBy,
      progress: this.progress,
      usage: this.usage,
      trace: this.trace,
      past: this.past,
      logs: isDetailed ? [...this.logs] : NONE,
    };
  }
}
