import type { JobStatus } from "./status.ts";

/**
 * The contract between the engine and a storage backend.
 *
 * A store applies guarded writes and decides nothing: what the end of an attempt means is decided before the store is
 * called. Every method takes a batch and answers with as many entries in the same order, each handled as if those before
 * it had taken effect; a method either applies its whole batch or rejects. Durations cross this interface, in whole
 * milliseconds, not instants (except a caller's `runAt`): the store's own clock turns them into times. That time never
 * goes back: if the clock is set back, it continues from the latest time that any call has seen, more slowly until the
 * clock has caught up. It never stands still, since leases must expire and retries become due meanwhile. Calls that
 * neither store nor return a time need not look at the clock.
 */
export interface Store {
  /** The backend's name in messages and in `health()`: `"memory"`. */
  readonly name: string;
  /** Where the jobs are, for people: a file's path or an address without secrets. Left out where there is no choice. */
  readonly place?: string;
  /** Whether jobs outlive the process. If not, unfinished work keeps the process alive. */
  readonly isDurable: boolean;
  /** Whether calls leave this thread, for a server or another thread, so that overlapping two of them saves time. */
  readonly isRemote: boolean;
  /** Whether calls are pipelined and wait for no commit: two that enqueue half as much each are done sooner than one. */
  readonly isPipelined?: boolean;
  /** Whether it hands new jobs over to waiting workers: see {@link ClaimRequest.offer}. */
  readonly handsOver?: boolean;

  /** Connects; idempotent. Rejects with `queue_unavailable` within about two seconds. */
  open(): Promise<void>;
  /** Releases all resources; idempotent. Every other call rejects with `queue_closed` afterwards. */
  close(): Promise<void>;

  /** Adds pending jobs. A job whose id exists already, finished or not, is left unchanged. */
  enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]>;
  /** Takes due jobs to run, and takes over jobs whose lease has expired. See {@link ClaimRequest}. */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;
  /** Renews leases, stores what attempts reported, and records that the worker is alive. */
  heartbeat(request: HeartbeatRequest): Promise<readonly HeldAnswer[]>;
  /** Ends attempts. Idempotent: a repeated settlement gets the same answer and changes nothing. */
  settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]>;
  /** Ends pending and running jobs as cancelled; `false` for any other. */
  cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]>;
  /** Sends failed and cancelled jobs back to pending with a new budget; `false` for any other. */
  retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]>;

  /** The records of these ids, `null` where there is none. */
  get(ids: readonly string[], options: GetOptions): Promise<readonly (JobRecord | null)[]>;
  /** A page of records, newest id first. Its cost depends on the page alone, not on the filters or the number of jobs. */
  list(filter: ListFilter): Promise<readonly JobRecord[]>;
  /** The number of jobs by task and status, and the live workers. */
  count(): Promise<Census>;
  /** The job of each lane that is claimed next, due or not; `null` for a lane where none waits. Changes nothing. */
  next(lanes: readonly string[]): Promise<readonly (NextJob | null)[]>;
  /** Removes up to `limit` finished jobs that retention does not keep, oldest first. Resolves with how many. */
  prune(request: PruneRequest): Promise<number>;
  /** Reports on the store and its backend, for an operator. Changes nothing and reads no jobs. */
  describe(): Promise<StoreReport>;

  /**
   * Notifies of changes as they happen. Signals are hints: one may be missing, late or duplicated, and `ready` may reach
   * only some of the workers whose last claim left slots free. Resolves with a function that ends the subscription.
   */
  subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void>;
}

/** The version that this release writes into records, and the newest it understands. */
export const RECORD_VERSION = 1;

/** The lane of a task's jobs of a record version. Later versions have their own, from which older workers never claim. */
export function laneOf(task: string, version: number = RECORD_VERSION): string {
  return version === 1 ? task : `${task}@${version}`;
}

/** A job to store: pending, `createdAt` now, `runAt` not before now, `attemptLimit` one more than `maxRetries`. */
export interface NewJob {
  /** The record's version. */
  readonly v: number;
  /** A job id, see `isJobId`. */
  readonly id: string;
  readonly task: string;
  /** Where it waits: see {@link laneOf}. */
  readonly lane: string;
  /** Encoded: see `codec.ts`. */
  readonly payload: string;
  readonly maxRetries: number;
  /** Milliseconds from now until it is due. Ignored if `runAt` is set. */
  readonly delayMs: number;
  /** When it is due, if the caller chose an instant, else `null`. One in the past means now. */
  readonly runAt: number | null;
  /** Passed unchanged to every attempt: see `MAX_TRACE_BYTES`. `null` for most jobs, at no cost. */
  readonly trace: string | null;
}

/** `known`: a job with this id and task exists. `conflict`: the id belongs to another task. Neither stores anything. */
export type EnqueueAnswer = "stored" | "known" | "conflict";

/**
 * Which jobs a worker takes.
 *
 * A job can be claimed when it is pending and its `runAt` has come. Within a lane the order is by `runAt`, then id. Lanes
 * take turns in the order given: one job of each lane that has one and is below its own limit, then the next round,
 * until `limit` jobs are taken. Claiming makes a job `running`, increments `attempts`, sets `startedAt` unless it is set
 * and `attemptedAt` to now, clears the progress and grants a lease of `leaseMs`.
 *
 * First, up to `lostLimit` running jobs of any lane whose lease has expired are returned, the longest overdue first (then
 * by id), each with a new token and lease and marked `isLost`; nothing else of them changes.
 */
export interface ClaimRequest {
  /** The id of the worker. */
  readonly worker: string;
  /** Owns the attempts that this call hands out. Unique: no other call of any worker has used it. */
  readonly token: string;
  readonly lanes: readonly { readonly lane: string; readonly limit: number }[];
  /** Jobs to run at most, lost ones not counted. */
  readonly limit: number;
  readonly lostLimit: number;
  readonly leaseMs: number;
  /** Lost jobs of a later record version are left to workers that know it. */
  readonly maxVersion: number;
  /**
   * A token for one more job. If the call leaves slots free, a store that hands jobs over may claim the next job under it
   * as soon as there is one, and deliver it with a `ready` signal. Valid until the next claim through this store. A call
   * that rejects makes no offer: should it have reached the store all the same, the store hands back what it claimed.
   */
  readonly offer?: string | null;
  /** The offer of the latest claim that did not reject, if no job has arrived for it yet. This call withdraws it. */
  readonly offered?: string | null;
}

/**
 * A job that the store claimed for a waiting worker, just as a claim with `limit` 1 would have. It may arrive more than once, and
 * after a failover under an offer that was over: then the worker hands it back.
 */
export interface HandedJob {
  /** The offer's token. */
  readonly token: string;
  readonly job: ClaimedJob;
}

export interface ClaimAnswer {
  /** Lost ones first, then those to run in the order of the turns. */
  readonly jobs: readonly ClaimedJob[];
  /** Milliseconds until the next pending job of these lanes is due: 0 if a due one was left, `null` if none waits. */
  readonly nextDueMs: number | null;
  /** The job claimed under the previous offer, if any: its signal may be lost or late. It counts towards `limit`. */
  readonly handed?: HandedJob;
  /** Whether several workers are alive. Left out if not, and by a store that cannot tell cheaply. */
  readonly isShared?: boolean;
}

/** What an attempt needs to know of its job. */
export interface ClaimedJob {
  readonly v: number;
  readonly id: string;
  readonly task: string;
  readonly payload: string;
  /** Whether its lease had expired: it is to be settled, not run. */
  readonly isLost: boolean;
  /** The worker that runs it; of a lost job, the one that lost it. */
  readonly worker: string;
  /** Attempts started so far, this one included. */
  readonly attempts: number;
  /** The number of the last attempt that may be started. */
  readonly attemptLimit: number;
  readonly maxRetries: number;
  readonly losses: number;
  readonly createdAt: number;
  readonly runAt: number;
  readonly attemptedAt: number;
  readonly usage: Usage | null;
  readonly trace: string | null;
}

export interface HeartbeatRequest {
  readonly worker: WorkerPresence;
  /** How long the worker counts as alive without another heartbeat; 0 when it leaves. */
  readonly presenceMs: number;
  /** How long the leases last from now on. */
  readonly leaseMs: number;
  readonly beats: readonly Beat[];
}

/** One attempt's heartbeat. Refused, patch and all, when `token` is not the job's current one. */
export interface Beat {
  readonly id: string;
  readonly token: string;
  readonly patch: Patch | null;
}

/** What an attempt reported since the last time. */
export interface Patch {
  /** Replaces the previous one; `null` keeps it. */
  readonly progress: Progress | null;
  /** Appended to the lines stored before. */
  readonly logs: readonly string[];
  /** Replaces the previous one, being the sum over all attempts; `null` keeps it. */
  readonly usage: Usage | null;
}

/** What a worker tells others about itself. */
export interface WorkerPresence {
  readonly id: string;
  readonly tasks: readonly string[];
  /** Jobs it can run at a time. */
  readonly slots: number;
  /** By task, for tasks with a limit of their own: how many of its jobs it runs at a time. */
  readonly concurrency: Readonly<Record<string, number>>;
  /** The version of this package that it runs. */
  readonly version: string;
}

/** `held`: the token is current. `cancelled`: a cancel ended the attempt. `lost`: another has the job, or it is gone. */
export type HeldAnswer = "held" | "cancelled" | "lost";
export type SettleAnswer = "settled" | "cancelled" | "lost";

/**
 * The end of an attempt, in one shape: completed, failed, to be retried, or handed back.
 *
 * The store remembers the token of the attempt that ended last and how it ended (`to`, or cancelled). The same token with
 * the same `to` is answered `settled` again, even if the job has been claimed since; after a cancel it is answered
 * `cancelled`. Any other token that is not current is answered `lost`.
 */
export interface Settlement {
  readonly id: string;
  /** Refused when it is not the job's current one. */
  readonly token: string;
  readonly to: "completed" | "failed" | "pending";
  /** Encoded, when completed. */
  readonly result: string | null;
  /** When pending again: milliseconds until it is due; `null` keeps its `runAt`, and so its place in the lane. */
  readonly delayMs: number | null;
  /** Whether the attempt does not count, because it was handed back before it could end. */
  readonly isUncounted: boolean;
  /** Whether the worker was lost. */
  readonly isLoss: boolean;
  /** Recorded as a failed attempt; `null` if there is no error. */
  readonly failure: Failure | null;
  readonly patch: Patch | null;
  /** Reserved: jobs to enqueue in the same atomic step. */
  readonly then?: undefined;
}

/** An error as it is stored. */
export interface Failure {
  readonly name: string;
  /** The error's `code`, or that of its nearest cause with one: `"attempt_timeout"`, `"ECONNREFUSED"`. */
  readonly code?: string;
  readonly message: string;
  readonly stack: string | null;
}

/** A failed or lost attempt: its error, number, worker and start, and when it was settled. */
export interface PastAttempt extends Failure {
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Cancelling sets `completedAt` to now and ends the running attempt, if any. */
export interface CancelRequest {
  readonly id: string;
  /** Only a job of this task, unless `null`. */
  readonly task: string | null;
  /** Who cancels; kept with the job. */
  readonly by: string | null;
}

/**
 * A retry by hand makes the job due now, clears `completedAt` and `cancelledBy`, sets `losses` to 0 and `attemptLimit` to
 * `maxRetries + 1` above the attempts so far. Attempts, `startedAt`, failures and logs are kept.
 */
export interface RetryRequest {
  readonly id: string;
  /** Only a job of this task, unless `null`. */
  readonly task: string | null;
}

export interface GetOptions {
  /** Whether to read payload and logs; they are empty otherwise. */
  readonly isDetailed: boolean;
  /** Milliseconds for which `prune` spares these jobs, finished or not, for a caller who waits. 0 changes no hold. */
  readonly holdMs: number;
}

/** Which records a page contains; `null` does not filter. */
export interface ListFilter {
  readonly status: JobStatus | null;
  readonly task: string | null;
  /** Only ids before this one. */
  readonly before: string | null;
  readonly limit: number;
  /** Whether to leave out results, which may be large: all are `null` then. */
  readonly isBrief: boolean;
}

/** Which texts of a record to read; the others are empty or `null`. */
export interface Wanted {
  /** Whether to read payload and logs; default false. */
  readonly isDetailed?: boolean;
  /** Whether to leave out the result; default false. */
  readonly isBrief?: boolean;
}

/** Everything that is stored of a job; instants in milliseconds since 1970. */
export interface JobRecord {
  readonly v: number;
  readonly id: string;
  readonly task: string;
  readonly status: JobStatus;
  readonly payload: string;
  readonly result: string | null;
  readonly maxRetries: number;
  readonly attempts: number;
  readonly attemptLimit: number;
  readonly losses: number;
  readonly createdAt: number;
  readonly runAt: number;
  readonly startedAt: number | null;
  readonly attemptedAt: number | null;
  readonly completedAt: number | null;
  /** The worker of the latest attempt. */
  readonly worker: string | null;
  readonly cancelledBy: string | null;
  readonly progress: Progress | null;
  readonly usage: Usage | null;
  /** As enqueued; a retry by hand keeps it. */
  readonly trace: string | null;
  /** Failed and lost attempts, oldest first; the newest `MAX_PAST_ATTEMPTS` are kept. */
  readonly past: readonly PastAttempt[];
  /** The newest `MAX_LOG_LINES` lines, oldest first. */
  readonly logs: readonly string[];
}

/** How far an attempt has come. */
export interface Progress {
  /** 0 to 1, or `null` if unknown. */
  readonly fraction: number | null;
  readonly done: number | null;
  readonly total: number | null;
  readonly message: string | null;
}

/** Tokens and cost of LLM calls. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars, or `null` when a model's price is unknown. */
  readonly cost: number | null;
}

/** Jobs of a task by status. */
export type StatusCounts = Readonly<Record<JobStatus, number>>;

export interface Census {
  /** When it was taken, by the store's clock, which decides what is due. */
  readonly at: number;
  /** Only tasks that have jobs. */
  readonly tasks: ReadonlyMap<string, StatusCounts>;
  /** Only live ones, in the order of their ids. */
  readonly workers: readonly WorkerPresence[];
}

/** The first pending job of a lane, by `runAt`, then id. */
export interface NextJob {
  readonly id: string;
  /** Milliseconds for which it has been due; negative until it is due. */
  readonly waitMs: number;
}

/** Facts about a store and its backend, and what is wrong with them. */
export interface StoreReport {
  /** By name in camelCase, durations and sizes with their unit: `evictionPolicy`, `walBytes`. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly warnings: readonly HealthWarning[];
  /** Why calls of workers fail that other processes do not make; left out if there is nothing. */
  readonly fault?: string;
}

/** Something an operator should look at. Jobs still run, as far as they can. */
export interface HealthWarning {
  /** Stable between releases: `appendonly_off`. */
  readonly code: string;
  /** What is wrong, and what it may lead to. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/**
 * Retention of finished jobs of two kinds: completed ones, and failed and cancelled ones together. A job is removed once
 * it finished longer than `ageMs` ago, or once `count` others of its kind finished after it (by `completedAt`, then id).
 * Completed ones go first, and within a kind the oldest. A held job (see {@link GetOptions}) is spared; a call skips at
 * most `MAX_HELD_PASSED` of them per kind, so that what it reads is bounded as well as what it removes.
 */
export interface PruneRequest {
  readonly completed: Retention;
  readonly failed: Retention;
  readonly limit: number;
}

/** How long and how many to keep; `null` is unlimited. */
export interface Retention {
  readonly ageMs: number | null;
  readonly count: number | null;
}

/**
 * `ready`: jobs of these lanes became pending, or one was handed over. `cancelled`: running jobs were cancelled; with
 * `isAfterGap`, any other may have been as well, since signals may have been lost. `finished`: jobs are done.
 */
export type Signal =
  | { readonly kind: "ready"; readonly lanes: readonly string[]; readonly handed?: HandedJob }
  | { readonly kind: "cancelled"; readonly ids: readonly string[]; readonly isAfterGap?: boolean }
  | { readonly kind: "finished"; readonly ids: readonly string[] };
