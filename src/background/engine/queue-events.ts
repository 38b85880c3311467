import type { Progress } from "../core/store.ts";

/** What every event of a job has. */
export interface JobEvent {
  readonly jobId: string;
  readonly task: string;
}

/** What every event of an attempt has. */
export interface AttemptEvent extends JobEvent {
  /** Its number, from 1. */
  readonly attempt: number;
}

/** The events of a queue in this process, by name. */
export interface QueueEvents {
  /** A job was stored by this process. */
  readonly enqueued: JobEvent;
  /** An attempt started here; `waitMs` is how long the job had been due. */
  readonly started: AttemptEvent & { readonly waitMs: number };
  /** The running attempt reported progress. */
  readonly progress: AttemptEvent & { readonly progress: Progress };
  /** An attempt failed and the job will be retried in `delayMs`; `durationMs` is how long the attempt ran. */
  readonly retrying: AttemptEvent & { readonly error: string; readonly delayMs: number; readonly durationMs: number };
  /** The job completed; `durationMs` is how long its last attempt ran. */
  readonly completed: AttemptEvent & { readonly durationMs: number };
  /** The job failed for good; `durationMs` is how long its last attempt ran. */
  readonly failed: AttemptEvent & { readonly error: string; readonly durationMs: number };
  /** The job was cancelled by this process (`isOwn`), or by another while it ran here. */
  readonly cancelled: JobEvent & { readonly isOwn: boolean };
  /** An attempt here lost its lease, or this process took over one that another worker lost. */
  readonly lost: AttemptEvent;
  /** A stopping worker handed an attempt back: it is not counted, and another worker runs the job. */
  readonly released: AttemptEvent & { readonly durationMs: number };
  /** Something failed that belongs to no call: the backend is away, a listener threw. The queue goes on. */
  readonly error: { readonly error: unknown };
  /** The worker can reach the backend again, after `downMs`. */
  readonly recovered: { readonly downMs: number };
}

/** The name of an event in {@link QueueEvents}. */
export type EventName = keyof QueueEvents;

/** A function that is called with each event of a name. */
export type Listener<Name extends EventName> = (event: QueueEvents[Name]) => void;

/** The names of all events. */
export const EVENT_NAMES: readonly EventName[] = [
  "enqueued",
  "started",
  "progress",
  "retrying",
  "completed",
  "failed",
  "cancelled",
  "lost",
  "released",
  "error",
  "recovered",
];
