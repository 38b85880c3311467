import type { TimeSource } from "../../core/clock.ts";
import { JobError } from "../../core/errors.ts";
import { isCancellable, isDone, isHeldBy, isLost, isRetryable } from "../../core/lifecycle.ts";
import { SignalListeners } from "../../core/signal-listeners.ts";
import { JOB_STATUSES, type JobStatus } from "../../core/status.ts";
import { SteadyTime } from "../../core/steady-time.ts";
import type {
  CancelRequest,
  Census,
  ClaimAnswer,
  ClaimedJob,
  ClaimRequest,
  EnqueueAnswer,
  GetOptions,
  HealthWarning,
  HeartbeatRequest,
  HeldAnswer,
  JobRecord,
  ListFilter,
  NewJob,
  NextJob,
  PruneRequest,
  RetryRequest,
  SettleAnswer,
  Settlement,
  Signal,
  StatusCounts,
  Store,
  StoreReport,
  WorkerPresence,
} from "../../core/store.ts";
import { Finished } from "./finished.ts";
import { IdIndex } from "./id-index.ts";
import { Lane } from "./lane.ts";
import { mergeNewest } from "./merge.ts";
import { MemoryRecord } from "./record.ts";

type Indexes = Readonly<Record<JobStatus, IdIndex>>;

const NOT_DURABLE: HealthWarning = {
  code: "not_durable",
  message: "Jobs are kept in this process's memory and are lost when it ends.",
  remedy: "If jobs must survive, use a SqliteQueue or a RedisQueue.",
};

/** Keeps jobs in this process's memory: the reference for other stores. */
export class MemoryStore implements Store {
  readonly name = "memory";
  readonly isDurable = false;
  readonly isRemote = false;

  readonly #time: SteadyTime;
  #isClosed = false;
  /** A lower bound of when the next lease expires. */
  #leaseFloor = Number.POSITIVE_INFINITY;
  readonly #records = new Map<string, MemoryRecord>();
  readonly #lanes = new Map<string, Lane>();
  readonly #tasks = new Map<string, Indexes>();
  readonly #completed = new Finished();
  readonly #failed = new Finished();
  readonly #workers = new Map<string, { readonly presence: WorkerPresence; readonly goneAt: number }>();
  readonly #listeners = new SignalListeners();

  constructor({ clock }: { readonly clock: TimeSource }) {
    this.#time = new SteadyTime(clock);
  }

  async open(): Promise<void> {
    this.#begin();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const ofJobs = [this.#records, this.#lanes, this.#tasks, this.#completed, this.#failed];
    for (const kept of [...ofJobs, this.#workers, this.#listeners]) kept.clear();
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]> {
    const now = this.#begin();
    const lanes = new Set<string>();
    const answers = jobs.map((job): EnqueueAnswer => {
      const known = this.#records.get(job.id);
      if (known !== undefined) return known.task === job.task ? "known" : "conflict";
      const record = new MemoryRecord(job, now);
      this.#records.set(record.id, record);
      this.#indexOf(record).add(record);
      this.#laneOf(record).add(record, now);
      lanes.add(record.lane);
      return "stored";
    });
    this.#tell("ready", lanes);
    return answers;
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const now = this.#begin();
    const jobs: ClaimedJob[] = [];
    for (const record of this.#lost(request, now)) {
      this.#lease(record, request, now);
      jobs.push(claimedJob(record, true));
    }
    const turns = request.lanes.map(({ lane, limit }) => ({ lane, left: limit }));
    let left = request.limit;
    for (let isAnyTaken = true; isAnyTaken && left > 0; ) {
      isAnyTaken = false;
      for (const turn of turns) {
        if (left === 0) break;
        const record = turn.left > 0 ? this.#lanes.get(turn.lane)?.take(now) : undefined;
        if (record === undefined) continue;
        isAnyTaken = true;
        turn.left--;
        left--;
        this.#move(record, "running", now);
        record.attempts++;
        record.startedAt ??= now;
        record.attemptedAt = now;
        record.worker = request.worker;
        record.progress = null;
        this.#lease(record, request, now);
        jobs.push(claimedJob(record, false));
      }
    }
    return { jobs, nextDueMs: this.#nextDueMs(request, now) };
  }

  async heartbeat({ worker, presenceMs, leaseMs, beats }: HeartbeatRequest): Promise<readonly HeldAnswer[]> {
    const now = this.#begin();
    if (presenceMs > 0) {
      const presence = Object.freeze({
        ...worker,
        tasks: Object.freeze([...worker.tasks]),
        concurrency: Object.freeze({ ...worker.concurrency }),
      });
      this.#workers.set(worker.id, { presence, goneAt: now + presenceMs });
    } else this.#workers.delete(worker.id);
    this.#forgetWorkers(now);
    return beats.map(({ id, token, patch }): HeldAnswer => {
      const record = this.#records.get(id);
      if (record === undefined) return "lost";
      if (!isHeldBy(record, token)) return record.endOf(token) === "cancelled" ? "cancelled" : "lost";
      record.leaseEndsAt = now + leaseMs;
      this.#leaseFloor = Math.min(this.#leaseFloor, record.leaseEndsAt);
      if (patch !== null) record.apply(patch);
      return "held";
    });
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    const now = this.#begin();
    const lanes = new Set<string>();
    const finished: string[] = [];
    const answers = settlements.map((settlement): SettleAnswer => {
      const { id, token, to } = settlement;
      const record = this.#records.get(id);
      if (record === undefined) return "lost";
      if (!isHeldBy(record, token)) {
        const ended = record.endOf(token);
        if (ended === "cancelled") return "cancelled";
        return ended === to ? "settled" : "lost";
      }
      if (settlement.patch !== null) record.apply(settlement.patch);
      if (settlement.failure !== null) record.remember(settlement.failure, now);
      if (settlement.isUncounted) record.attempts--;
      if (settlement.isLoss) record.losses++;
      record.end(to);
      if (to === "pending") {
        if (settlement.delayMs !== null) record.runAt = now + settlement.delayMs;
        lanes.add(record.lane);
      } else {
        record.result = to === "completed" ? settlement.result : null;
        finished.push(id);
      }
      this.#move(record, to, now);
      return "settled";
    });
    this.#tell("ready", lanes);
    this.#tell("finished", finished);
    return answers;
  }

  async cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]> {
    const now = this.#begin();
    const running: string[] = [];
    const finished: string[] = [];
    const answers = requests.map(({ id, task, by }) => {
      const record = this.#recordOf(id, task);
      if (record === undefined || !isCancellable(record.status)) return false;
      if (record.status === "running") {
        record.end("cancelled");
        running.push(id);
      }
      record.cancelledBy = by;
      finished.push(id);
      this.#move(record, "cancelled", now);
      return true;
    });
    this.#tell("cancelled", running);
    this.#tell("finished", finished);
    return answers;
  }

  async retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]> {
    const now = this.#begin();
    const lanes = new Set<string>();
    const answers = requests.map(({ id, task }) => {
      const record = this.#recordOf(id, task);
      if (record === undefined || !isRetryable(record.status)) return false;
      record.attemptLimit = record.attempts + record.maxRetries + 1;
      record.losses = 0;
      record.cancelledBy = null;
      record.runAt = now;
      this.#move(record, "pending", now);
      lanes.add(record.lane);
      return true;
    });
    this.#tell("ready", lanes);
    return answers;
  }

  async get(ids: readonly string[], { isDetailed, holdMs }: GetOptions): Promise<readonly (JobRecord | null)[]> {
    const now = this.#begin();
    return ids.map((id) => {
      const record = this.#records.get(id);
      if (record === undefined) return null;
      if (holdMs > 0) record.heldUntil = Math.max(record.heldUntil, now + holdMs);
      return record.snapshot({ isDetailed });
    });
  }

  async list({ status, task, before, limit, isBrief }: ListFilter): Promise<readonly JobRecord[]> {
    this.#begin();
    const named = task === null ? [...this.#tasks.values()] : [this.#tasks.get(task) ?? []].flat();
    const statuses = status === null ? JOB_STATUSES : [status];
    const indexes = named.flatMap((indexes) => statuses.map((name) => indexes[name]));
    const listings = indexes.filter((index) => index.size > 0).map((index) => index.newest(before));
    return mergeNewest(listings, limit).map((record) => record.snapshot({ isBrief }));
  }

  async count(): Promise<Census> {
    const at = this.#begin();
    this.#forgetWorkers(at);
    const tasks = new Map<string, StatusCounts>();
    for (const [task, indexes] of this.#tasks) {
      const counts = JOB_STATUSES.map((status) => [status, indexes[status].size] as const);
      tasks.set(task, Object.fromEntries(counts) as StatusCounts);
    }
    const workers = [...this.#workers.values()].map((worker) => worker.presence);
    return { at, tasks, workers: workers.sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  async next(lanes: readonly string[]): Promise<readonly (NextJob | null)[]> {
    const now = this.#begin();
    return lanes.map((lane) => {
      const record = this.#lanes.get(lane)?.first();
      return record === undefined ? null : { id: record.id, waitMs: now - record.runAt };
    });
  }

  async prune({ completed, failed, limit }: PruneRequest): Promise<number> {
    const now = this.#begin();
    const old = this.#completed.takeOld(completed, limit, now);
    old.push(...this.#failed.takeOld(failed, limit - old.length, now));
    for (const record of old) {
      this.#records.delete(record.id);
      this.#indexOf(record).remove(record);
      this.#forgetTask(record.task);
    }
    return old.length;
  }

  async describe(): Promise<StoreReport> {
    this.#begin();
    return { details: { jobs: this.#records.size, survivesRestarts: false }, warnings: [NOT_DURABLE] };
  }

  async subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void> {
    this.#begin();
    return this.#listeners.add(kind, listener);
  }

  /** Checks that the store is open and returns the time: the beginning of every call. */
  #begin(): number {
    if (this.#isClosed) {
      throw new JobError(
        "queue_closed",
        "This in-memory queue is closed, and its jobs are lost: create a new one, or close it later.",
      );
    }
    return this.#time.now();
  }

  #recordOf(id: string, task: string | null): MemoryRecord | undefined {
    const record = this.#records.get(id);
    return task === null || record?.task === task ? record : undefined;
  }

  /** The only place where a status changes, together with everything indexed by it. */
  #move(record: MemoryRecord, to: JobStatus, now: number): void {
    const from = record.status;
    const indexes = this.#indexesOf(record.task);
    indexes[from].remove(record);
    record.status = to;
    indexes[to].add(record);
    if (from === "pending") this.#leaveLane(record, to);
    record.completedAt = isDone(to) ? now : null;
    if (isDone(from)) this.#finishedOf(from).remove(record);
    if (isDone(to)) this.#finishedOf(to).add(record);
    if (to === "pending") this.#laneOf(record).add(record, now);
  }

  #leaveLane(record: MemoryRecord, to: JobStatus): void {
    const lane = this.#laneOf(record);
    // A claim has already taken it from the front.
    if (to !== "running") lane.remove(record);
    if (lane.isEmpty) this.#lanes.delete(record.lane);
  }

  #lease(record: MemoryRecord, { token, leaseMs }: ClaimRequest, now: number): void {
    record.token = token;
    record.leaseEndsAt = now + leaseMs;
    this.#leaseFloor = Math.min(this.#leaseFloor, record.leaseEndsAt);
  }

  #lost({ lostLimit, maxVersion }: ClaimRequest, now: number): MemoryRecord[] {
    if (now < this.#leaseFloor || lostLimit === 0) return [];
    const running = [...this.#tasks.values()].flatMap((indexes) => [...indexes.running.newest(null)]);
    this.#leaseFloor = running.reduce((floor, record) => Math.min(floor, record.leaseEndsAt), Number.POSITIVE_INFINITY);
    return running
      .filter((record) => isLost(record, now) && record.v <= maxVersion)
      .sort((a, b) => a.leaseEndsAt - b.leaseEndsAt || (a.id < b.id ? -1 : 1))
      .slice(0, lostLimit);
  }

  #nextDueMs({ lanes }: ClaimRequest, now: number): number | null {
    let next: number | null = null;
    for (const { lane } of lanes) {
      const record = this.#lanes.get(lane)?.first();
      if (record !== undefined) next = Math.min(next ?? Number.POSITIVE_INFINITY, Math.max(0, record.runAt - now));
    }
    return next;
  }

  #laneOf(record: MemoryRecord): Lane {
    const known = this.#lanes.get(record.lane);
    if (known !== undefined) return known;
    const lane = new Lane();
    this.#lanes.set(record.lane, lane);
    return lane;
  }

  #indexesOf(task: string): Indexes {
    let indexes = this.#tasks.get(task);
    if (indexes === undefined) {
      indexes = {
        pending: new IdIndex(),
        running: new IdIndex(),
        completed: new IdIndex(),
        failed: new IdIndex(),
        cancelled: new IdIndex(),
      };
      this.#tasks.set(task, indexes);
    }
    return indexes;
  }

  #indexOf(record: MemoryRecord): IdIndex {
    return this.#indexesOf(record.task)[record.status];
  }

  #finishedOf(status: JobStatus): Finished {
    return status === "completed" ? this.#completed : this.#failed;
  }

  #forgetTask(task: string): void {
    const indexes = this.#indexesOf(task);
    if (JOB_STATUSES.every((status) => indexes[status].size === 0)) this.#tasks.delete(task);
  }

  #forgetWorkers(now: number): void {
    for (const [id, { goneAt }] of this.#workers) if (goneAt <= now) this.#workers.delete(id);
  }

  #tell(kind: Signal["kind"], what: Iterable<string>): void {
    if (!this.#listeners.has(kind)) return;
    const names = [...what];
    if (names.length > 0) this.#listeners.tell(kind === "ready" ? { kind, lanes: names } : { kind, ids: names });
  }
}

function claimedJob(record: MemoryRecord, isLost: boolean): ClaimedJob {
  return {
    v: record.v,
    id: record.id,
    task: record.task,
    payload: record.payload,
    isLost,
    worker: record.worker as string,
    attempts: record.attempts,
    attemptLimit: record.attemptLimit,
    maxRetries: record.maxRetries,
    losses: record.losses,
    createdAt: record.createdAt,
    runAt: record.runAt,
    attemptedAt: record.attemptedAt as number,
    usage: record.usage,
    trace: record.trace,
  };
}
