import type { JobStatus } from "./status.ts";

/**
 * The contract between the engine and what keeps the jobs.
 *
 * A store keeps records behind guards and decides nothing: what an ended attempt means is decided before the store is
 * called. Every method takes a batch and answers with as many entries in the same order, each entry handled as if the
 * ones before it had been handled already; a method either does all of its batch or rejects. Durations cross this
 * interface, in whole milliseconds, not instants (but for a caller's `runAt`): the store's own clock turns them into times. That time never
 * goes back: a store whose clock is set back goes on from the latest time that any call has seen, more slowly than the clock
 * until that is there again, and does not stand still, since leases have to end and retries to begin meanwhile.
 */
export interface Store {
  /** What messages and `health()` call it: `"memory"`. */
  readonly name: string;
  /** Where the jobs are, for people, as a file's path or an address without secrets; nothing where there is but one such place. */
  readonly place?: string;
  /** Whether jobs outlive the process. If not, unfinished work keeps the process alive. */
  readonly isDurable: boolean;
  /** Whether calls are served elsewhere, over a network or on another thread, so that a second one under way makes use of the time. */
  readonly isRemote: boolean;
  /** Whether calls follow each other down a wire, and none waits for a commit: two that enqueue half as much are done sooner than one. */
  readonly isPipelined?: boolean;
  /** Whether it hands jobs over to workers that wait: see {@link ClaimRequest.offer}. */
  readonly handsOver?: boolean;

  /** Makes the store ready; more than once is fine. Rejects with `queue_unavailable` within about two seconds. */
  open(): Promise<void>;
  /** Lets go of everything; more than once is fine. Every other call rejects with `queue_closed` afterwards. */
  close(): Promise<void>;

  /** Adds pending jobs. An id that is there already is left as it is, finished or not. */
  enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]>;
  /** Takes due jobs to run, and returns jobs whose lease ran out. See {@link ClaimRequest}. */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;
  /** Renews leases, writes down what attempts reported, and shows that the worker lives. */
  heartbeat(request: HeartbeatRequest): Promise<readonly HeldAnswer[]>;
  /** Ends attempts. The same settlement again is answered as the first time and changes nothing. */
  settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]>;
  /** Ends pending and running jobs as cancelled; `false` for any other. */
  cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]>;
  /** Sends failed and cancelled jobs back to pending with a new budget; `false` for any other. */
  retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]>;

  /** The records of these ids, `null` where there is none. */
  get(ids: readonly string[], options: GetOptions): Promise<readonly (JobRecord | null)[]>;
  /** A page of records, newest id first; costs its page, whatever the filters and however many jobs there are. */
  list(filter: ListFilter): Promise<readonly JobRecord[]>;
  /** How many jobs there are of each task in each status, and which workers live. */
  count(): Promise<Census>;
  /** Removes finished jobs beyond what is to be kept, the oldest first, at most `limit` in this call; says how many. */
  prune(request: PruneRequest): Promise<number>;
  /** What it says of itself and of what keeps its jobs, for an operator. Changes nothing, and costs no look at the jobs. */
  describe(): Promise<StoreReport>;

  /**
   * Tells about changes as they happen. Signals are hints: one may be missing, late or doubled, and `ready` may be told to
   * some of those alone whose last claim left slots free. Returns what ends it.
   */
  subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void>;
}

/** The version that this release writes into records, and the newest it understands. */
export const RECORD_VERSION = 1;

/** The lane that a task's jobs of a record version wait in. Later versions wait apart, so that older workers pass them by. */
export function laneOf(task: string, version: number = RECORD_VERSION): string {
  return version === 1 ? task : `${task}@${version}`;
}

/** A job to be stored: pending, `createdAt` now, `runAt` never before now, `attemptLimit` one more than `maxRetries`. */
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
  /** Milliseconds to wait from now on. Ignored with `runAt`. */
  readonly delayMs: number;
  /** The instant that a caller chose, or `null`. One in the past means now. */
  readonly runAt: number | null;
  /** What the attempts get back as it is: see `MAX_TRACE_BYTES`. `null` for most jobs, which then costs nothing. */
  readonly trace: string | null;
}

/** `known`: this id and task were there already. `conflict`: the id belongs to another task. Neither stores anything. */
export type EnqueueAnswer = "stored" | "known" | "conflict";

/**
 * Which jobs a worker takes.
 *
 * A job can be claimed when it is pending and its `runAt` has come. Within a lane the order is by `runAt`, then id. Lanes
 * take turns in the order given: one job of each lane that has one and is below its own limit, then the next round,
 * until `limit` jobs are taken. A claimed job is `running`, `attempts` one more, `startedAt` set unless it was,
 * `attemptedAt` now, its progress gone, its lease `leaseMs` long.
 *
 * Besides, at most `lostLimit` running jobs whose lease ran out come back first, the longest overdue first (then by id),
 * of any lane, with a new token and lease and `isLost`; nothing else of them changes.
 */
export interface ClaimRequest {
  /** The id of the worker. */
  readonly worker: string;
  /** Owns the attempts that this call hands out. Never used before: by any worker, in any call. */
  readonly token: string;
  readonly lanes: readonly { readonly lane: string; readonly limit: number }[];
  /** Jobs to run at most, lost ones not counted. */
  readonly limit: number;
  readonly lostLimit: number;
  readonly leaseMs: number;
  /** Lost jobs of a later record version are left to workers that know it. */
  readonly maxVersion: number;
  /**
   * A token for one job more. If the call leaves slots free, a store that hands jobs over may give it the next one that
   * comes, with a `ready` signal, until the next claim through this store.
   */
  readonly offer?: string | null;
  /** The offer of the claim before, if nothing came of it yet. This call ends it. */
  readonly offered?: string | null;
}

/** A job that was claimed while its worker waited, as a claim with the limit 1 would have. */
export interface HandedJob {
  /** That of the offer. */
  readonly token: string;
  readonly job: ClaimedJob;
}

export interface ClaimAnswer {
  /** Lost ones first, then those to run in the order of the turns. */
  readonly jobs: readonly ClaimedJob[];
  /** Milliseconds until the next pending job of the lanes asked for is due; 0 if one is and was left; `null` if none waits. */
  readonly nextDueMs: number | null;
  /** What the offer before got, if anything: its signal may be lost or late. It takes up one of `limit`. */
  readonly handed?: HandedJob;
  /** Several workers live; not said otherwise, nor by a store that cannot tell at little cost. */
  readonly isShared?: boolean;
}

/** What an attempt needs to know of its job. */
export interface ClaimedJob {
  readonly v: number;
  readonly id: string;
  readonly task: string;
  readonly payload: string;
  /** Its lease ran out: to be settled, not to be run. */
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
  /** How long the worker is taken to live without another heartbeat; 0 when it leaves. */
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
  /** Takes the place of the last; `null` leaves it. */
  readonly progress: Progress | null;
  /** Added behind the lines there are. */
  readonly logs: readonly string[];
  /** Takes the place of the last (it is the sum over all attempts); `null` leaves it. */
  readonly usage: Usage | null;
}

/** A worker as others see it. */
export interface WorkerPresence {
  readonly id: string;
  readonly tasks: readonly string[];
  /** Jobs it can run at a time. */
  readonly slots: number;
  /** Of its tasks that have a limit of their own: how many jobs of each it runs at a time. */
  readonly concurrency: Readonly<Record<string, number>>;
  /** Of this package. */
  readonly version: string;
}

/** `held`: yours. `cancelled`: the attempt was ended by a cancel. `lost`: it is somebody else's, or the job is gone. */
export type HeldAnswer = "held" | "cancelled" | "lost";
export type SettleAnswer = "settled" | "cancelled" | "lost";

/**
 * The end of an attempt, in one shape: completed, failed, to be retried, or handed back.
 *
 * The store remembers the token of the attempt that ended last and how it ended (`to`, or cancelled). That token with
 * the same `to` is answered `settled` again, also when the job has been claimed anew since; after a cancel it is
 * answered `cancelled`; anything else that is not current is `lost`.
 */
export interface Settlement {
  readonly id: string;
  /** Refused when it is not the job's current one. */
  readonly token: string;
  readonly to: "completed" | "failed" | "pending";
  /** Encoded, when completed. */
  readonly result: string | null;
  /** When pending again: milliseconds until it may run; `null` leaves its `runAt`, and so its place in the line. */
  readonly delayMs: number | null;
  /** The attempt does not count: it was handed back before it could end. */
  readonly isUncounted: boolean;
  /** The worker was lost. */
  readonly isLoss: boolean;
  /** Remembered as a failed attempt; `null` when there is no error. */
  readonly failure: Failure | null;
  readonly patch: Patch | null;
  /** Reserved: jobs to be enqueued by the same atomic step. */
  readonly then?: undefined;
}

/** An error as it is kept. */
export interface Failure {
  readonly name: string;
  /** What programs tell it by, if it or what caused it has one: `"attempt_timeout"`, `"ECONNREFUSED"`. */
  readonly code?: string;
  readonly message: string;
  readonly stack: string | null;
}

/** A failed or lost attempt: the number, worker and start of the attempt that was settled with a failure, and when that was. */
export interface PastAttempt extends Failure {
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A cancelled job has `completedAt` now, and its running attempt, if any, is ended. */
export interface CancelRequest {
  readonly id: string;
  /** Only a job of this task, unless `null`. */
  readonly task: string | null;
  /** Who cancels, for those who ask later. */
  readonly by: string | null;
}

/**
 * A job retried by hand is due now, `completedAt` and `cancelledBy` are gone, `losses` is 0 and `attemptLimit` is
 * `maxRetries + 1` above the attempts so far. Attempts, `startedAt`, failures and logs go on.
 */
export interface RetryRequest {
  readonly id: string;
  /** Only a job of this task, unless `null`. */
  readonly task: string | null;
}

export interface GetOptions {
  /** Whether payload and logs are wanted; they are empty otherwise. */
  readonly isDetailed: boolean;
  /** Milliseconds for which `prune` spares these jobs, finished or not: somebody waits for them. 0 leaves it as it was. */
  readonly holdMs: number;
}

/** Which records a page has; `null` filters nothing. */
export interface ListFilter {
  readonly status: JobStatus | null;
  readonly task: string | null;
  /** Only ids before this one. */
  readonly before: string | null;
  readonly limit: number;
  /** Results are not wanted, which may be large: all are `null`. */
  readonly isBrief: boolean;
}

/** Which texts of a record are wanted; others are empty or `null`. */
export interface Wanted {
  /** Payload and logs: not unless they are asked for. */
  readonly isDetailed?: boolean;
  /** All but the result. */
  readonly isBrief?: boolean;
}

/** Everything that is kept of a job; instants in milliseconds since 1970. */
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
  /** As it was enqueued, also when retried by hand. */
  readonly trace: string | null;
  /** Failed and lost attempts, oldest first; the newest `MAX_PAST_ATTEMPTS` are kept. */
  readonly past: readonly PastAttempt[];
  /** The newest `MAX_LOG_LINES` lines, oldest first. */
  readonly logs: readonly string[];
}

/** How far an attempt has come. */
export interface Progress {
  /** 0 to 1, or `null` if it cannot be told. */
  readonly fraction: number | null;
  readonly done: number | null;
  readonly total: number | null;
  readonly message: string | null;
}

/** What LLM calls used. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars, or `null` when a model's price is unknown. */
  readonly cost: number | null;
}

/** Jobs of a task by status. */
export type StatusCounts = Readonly<Record<JobStatus, number>>;

export interface Census {
  /** When this was counted, by the store's clock: the one that decides what is due. */
  readonly at: number;
  /** Only tasks that have jobs. */
  readonly tasks: ReadonlyMap<string, StatusCounts>;
  /** Only those that live, by id. */
  readonly workers: readonly WorkerPresence[];
}

/** Facts about a store and what it stands on, and what is amiss with them. */
export interface StoreReport {
  /** By name, in camelCase; durations and sizes with their unit: `evictionPolicy`, `walBytes`. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly warnings: readonly HealthWarning[];
}

/** What an operator should look at. Jobs run all the same, as far as they can. */
export interface HealthWarning {
  /** In words that stay the same between releases: `appendonly_off`. */
  readonly code: string;
  /** What is so, and what may come of it. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/**
 * What is kept of finished jobs: completed ones, and apart from them failed and cancelled ones together. A job goes when
 * it finished longer than `ageMs` ago, or when `count` others of its kind finished after it (by `completedAt`, then id).
 * Completed ones go first, and within a kind the oldest. A held job (see {@link GetOptions}) is spared; a call passes over
 * `MAX_HELD_PASSED` of a kind at most, so that what it reads is bounded as well as what it removes.
 */
export interface PruneRequest {
  readonly completed: Retention;
  readonly failed: Retention;
  readonly limit: number;
}

/** `null` keeps without that bound. */
export interface Retention {
  readonly ageMs: number | null;
  readonly count: number | null;
}

/**
 * `ready`: jobs of these lanes became pending, or one was handed over. `cancelled`: running jobs were cancelled. `finished`:
 * jobs are done.
 */
export type Signal =
  | { readonly kind: "ready"; readonly lanes: readonly string[]; readonly handed?: HandedJob }
  | { readonly kind: "cancelled"; readonly ids: readonly string[] }
  | { readonly kind: "finished"; readonly ids: readonly string[] };
