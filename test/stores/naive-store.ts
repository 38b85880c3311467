import type { TimeSource } from "../../src/background/core/clock.ts";
import { JobError } from "../../src/background/core/errors.ts";
import { MAX_HELD_PASSED, MAX_LOG_LINES, MAX_PAST_ATTEMPTS } from "../../src/background/core/limits.ts";
import { JOB_STATUSES, type JobStatus } from "../../src/background/core/status.ts";
import type {
  CancelRequest,
  Census,
  ClaimAnswer,
  ClaimedJob,
  ClaimRequest,
  EnqueueAnswer,
  GetOptions,
  HeartbeatRequest,
  HeldAnswer,
  JobRecord,
  ListFilter,
  NewJob,
  NextJob,
  Patch,
  PruneRequest,
  RetryRequest,
  SettleAnswer,
  Settlement,
  Signal,
  StatusCounts,
  Store,
  StoreReport,
  WorkerPresence,
} from "../../src/background/core/store.ts";

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** A record, and what the contract says a store remembers beside it. */
interface Row extends Mutable<JobRecord> {
  lane: string;
  token: string | null;
  leaseEndsAt: number;
  ended: { readonly token: string; readonly as: JobStatus } | null;
  heldUntil: number;
}

interface Worker {
  readonly presence: WorkerPresence;
  readonly goneAt: number;
}

interface Subscription {
  readonly kind: Signal["kind"];
  readonly listener: (signal: Signal) => void;
}

/**
 * The contract taken literally: one array, searched from end to end. Real stores are compared with it,
 * so it shares no code with any of them, not even the guards of the core.
 */
export class NaiveStore implements Store {
  readonly name = "naive";
  readonly isDurable = false;
  readonly isRemote = false;
  readonly #clock: TimeSource;
  #latest = 0;
  #behind: { readonly time: number; readonly clock: number } | null = null;
  #isClosed = false;
  #rows: Row[] = [];
  #workers: Worker[] = [];
  #subscriptions: Subscription[] = [];

  constructor({ clock }: { readonly clock: TimeSource }) {
    this.#clock = clock;
  }

  async describe(): Promise<StoreReport> {
    this.#now();
    return { details: {}, warnings: [] };
  }

  async open(): Promise<void> {
    this.#now();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly EnqueueAnswer[]> {
    const now = this.#now();
    return jobs.map((job) => {
      const there = this.#rows.find((row) => row.id === job.id);
      if (there !== undefined) return there.task === job.task ? "known" : "conflict";
      this.#rows.push(newRow(job, now));
      this.#signal({ kind: "ready", lanes: [job.lane] });
      return "stored";
    });
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const now = this.#now();
    const { worker, token, lanes, limit, lostLimit, leaseMs, maxVersion } = request;
    const jobs: ClaimedJob[] = [];
    const give = (row: Row, isLost: boolean) => {
      row.token = token;
      row.leaseEndsAt = now + leaseMs;
      jobs.push(toClaimed(row, isLost));
    };

    const lost = this.#rows.filter((row) => row.status === "running" && row.leaseEndsAt <= now && row.v <= maxVersion);
    for (const row of sorted(lost, "leaseEndsAt").slice(0, lostLimit)) give(row, true);

    const takenOf = lanes.map(() => 0);
    for (let taken = 0; taken < limit; ) {
      const takenBefore = taken;
      for (const [place, { lane, limit: laneLimit }] of lanes.entries()) {
        const due = this.#rows.filter((row) => row.status === "pending" && row.lane === lane && row.runAt <= now);
        const row = sorted(due, "runAt")[0];
        if (row === undefined || taken === limit || (takenOf[place] as number) >= laneLimit) continue;
        takenOf[place] = (takenOf[place] as number) + 1;
        taken++;
        row.status = "running";
        row.attempts += 1;
        if (row.startedAt === null) row.startedAt = now;
        row.attemptedAt = now;
        row.worker = worker;
        row.progress = null;
        give(row, false);
      }
      if (taken === takenBefore) break;
    }

    const waiting = this.#rows.filter((row) => row.status === "pending" && lanes.some(({ lane }) => lane === row.lane));
    const next = sorted(waiting, "runAt")[0];
    return { jobs, nextDueMs: next === undefined ? null : Math.max(0, next.runAt - now) };
  }

  async heartbeat(request: HeartbeatRequest): Promise<readonly HeldAnswer[]> {
    const now = this.#now();
    this.#workers = this.#workers.filter(({ presence }) => presence.id !== request.worker.id);
    const goneAt = now + request.presenceMs;
    this.#workers.push({ presence: structuredClone(request.worker), goneAt });
    return request.beats.map(({ id, token, patch }) => {
      const row = this.#rows.find((candidate) => candidate.id === id);
      if (row?.status === "running" && row.token === token) {
        row.leaseEndsAt = now + request.leaseMs;
        write(patch, row);
        return "held";
      }
      return row?.ended?.token === token && row.ended.as === "cancelled" ? "cancelled" : "lost";
    });
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    const now = this.#now();
    return settlements.map((settlement) => {
      const { id, token, to } = settlement;
      const row = this.#rows.find((candidate) => candidate.id === id);
      if (row?.status === "running" && row.token === token) {
        this.#end(row, settlement, now);
        return "settled";
      }
      if (row?.ended?.token !== token) return "lost";
      if (row.ended.as === "cancelled") return "cancelled";
      return row.ended.as === to ? "settled" : "lost";
    });
  }

  async cancel(requests: readonly CancelRequest[]): Promise<readonly boolean[]> {
    const now = this.#now();
    return requests.map(({ id, task, by }) => {
      const row = this.#rows.find((candidate) => candidate.id === id && (task === null || candidate.task === task));
      if (row === undefined || (row.status !== "pending" && row.status !== "running")) return false;
      if (row.status === "running") {
        row.ended = { token: row.token as string, as: "cancelled" };
        this.#signal({ kind: "cancelled", ids: [id] });
      }
      row.status = "cancelled";
      row.completedAt = now;
      row.cancelledBy = by;
      this.#signal({ kind: "finished", ids: [id] });
      return true;
    });
  }

  async retry(requests: readonly RetryRequest[]): Promise<readonly boolean[]> {
    const now = this.#now();
    return requests.map(({ id, task }) => {
      const row = this.#rows.find((candidate) => candidate.id === id && (task === null || candidate.task === task));
      if (row === undefined || (row.status !== "failed" && row.status !== "cancelled")) return false;
      row.status = "pending";
      row.runAt = now;
      row.completedAt = null;
      row.cancelledBy = null;
      row.losses = 0;
      row.attemptLimit = row.attempts + row.maxRetries + 1;
      this.#signal({ kind: "ready", lanes: [row.lane] });
      return true;
    });
  }

  async get(ids: readonly string[], { isDetailed, holdMs }: GetOptions): Promise<readonly (JobRecord | null)[]> {
    const now = this.#now();
    return ids.map((id) => {
      const row = this.#rows.find((candidate) => candidate.id === id);
      if (row === undefined) return null;
      if (holdMs > 0 && now + holdMs > row.heldUntil) row.heldUntil = now + holdMs;
      return toRecord(row, isDetailed);
    });
  }

  async list({ status, task, before, limit, isBrief }: ListFilter): Promise<readonly JobRecord[]> {
    this.#now();
    return sorted(this.#rows, "id")
      .reverse()
      .filter((row) => status === null || row.status === status)
      .filter((row) => task === null || row.task === task)
      .filter((row) => before === null || row.id < before)
      .slice(0, limit)
      .map((row) => toRecord(row, false))
      .map((record) => (isBrief ? { ...record, result: null } : record));
  }

  async count(): Promise<Census> {
    const now = this.#now();
    const tasks = new Map<string, StatusCounts>();
    for (const task of new Set(this.#rows.map((row) => row.task))) {
      const rows = this.#rows.filter((row) => row.task === task);
      const countOf = (status: JobStatus) => rows.filter((row) => row.status === status).length;
      tasks.set(task, Object.fromEntries(JOB_STATUSES.map((status) => [status, countOf(status)])) as StatusCounts);
    }
    const alive = this.#workers.filter(({ goneAt }) => goneAt > now).map(({ presence }) => structuredClone(presence));
    return { at: now, tasks, workers: sorted(alive, "id") };
  }

  async next(lanes: readonly string[]): Promise<readonly (NextJob | null)[]> {
    const now = this.#now();
    return lanes.map((lane) => {
      const waiting = this.#rows.filter((row) => row.status === "pending" && row.lane === lane);
      const first = sorted(waiting, "runAt")[0];
      return first === undefined ? null : { id: first.id, waitMs: now - first.runAt };
    });
  }

  async prune({ completed, failed, limit }: PruneRequest): Promise<number> {
    const now = this.#now();
    const goes: Row[] = [];
    for (const { statuses, ageMs, count } of [
      { statuses: ["completed"], ...completed },
      { statuses: ["failed", "cancelled"], ...failed },
    ]) {
      const kind = sorted(
        this.#rows.filter((row) => statuses.includes(row.status)),
        "completedAt",
      );
      let held = 0;
      for (const [place, row] of kind.entries()) {
        const isTooOld = ageMs !== null && now - (row.completedAt as number) > ageMs;
        const finishedAfter = kind.length - 1 - place;
        const isTooMany = count !== null && finishedAfter >= count;
        if (!isTooOld && !isTooMany) continue;
        if (row.heldUntil <= now) goes.push(row);
        else if (++held > MAX_HELD_PASSED) break;
      }
    }
    const removed = goes.slice(0, limit);
    this.#rows = this.#rows.filter((row) => !removed.includes(row));
    return removed.length;
  }

  async subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<() => void> {
    this.#now();
    const subscription = { kind, listener };
    this.#subscriptions.push(subscription);
    return () => {
      this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
    };
  }

  #now(): number {
    if (this.#isClosed) throw new JobError("queue_closed", "The naive store is closed: use one that is open.");
    const clock = this.#clock.now();
    if (clock >= this.#latest) this.#behind = null;
    else if (this.#behind === null || this.#behindAt(clock) < this.#latest)
      this.#behind = { time: this.#latest, clock };
    this.#latest = this.#behind === null ? clock : this.#behindAt(clock);
    return this.#latest;
  }

  /** Nine milliseconds for ten of the clock's since it was found to be behind. */
  #behindAt(clock: number): number {
    const since = this.#behind as { readonly time: number; readonly clock: number };
    return since.time + Math.floor((clock - since.clock) * 0.9);
  }

  #end(row: Row, settlement: Settlement, now: number): void {
    const { token, to, result, delayMs, isUncounted, isLoss, failure, patch } = settlement;
    write(patch, row);
    if (failure !== null) {
      const attempt = { attempt: row.attempts, worker: row.worker as string, startedAt: row.attemptedAt as number };
      const past = { ...failure, ...attempt, endedAt: now };
      row.past = [...row.past, past].slice(-MAX_PAST_ATTEMPTS);
    }
    if (isUncounted) row.attempts -= 1;
    if (isLoss) row.losses += 1;
    row.ended = { token, as: to };
    row.status = to;
    if (to === "pending") {
      if (delayMs !== null) row.runAt = now + delayMs;
      this.#signal({ kind: "ready", lanes: [row.lane] });
    } else {
      row.completedAt = now;
      if (to === "completed") row.result = result;
      this.#signal({ kind: "finished", ids: [row.id] });
    }
  }

  #signal(signal: Signal): void {
    for (const { kind, listener } of this.#subscriptions) if (kind === signal.kind) listener(signal);
  }
}

function newRow(job: NewJob, now: number): Row {
  const { v, id, task, lane, payload, maxRetries, delayMs, runAt, trace } = job;
  return {
    ...{ v, id, task, lane, payload, maxRetries, trace },
    status: "pending",
    result: null,
    attempts: 0,
    attemptLimit: maxRetries + 1,
    losses: 0,
    createdAt: now,
    runAt: Math.max(now, runAt === null ? now + delayMs : runAt),
    startedAt: null,
    attemptedAt: null,
    completedAt: null,
    worker: null,
    cancelledBy: null,
    progress: null,
    usage: null,
    past: [],
    logs: [],
    token: null,
    leaseEndsAt: 0,
    ended: null,
    heldUntil: 0,
  };
}

function write(patch: Patch | null, row: Row): void {
  if (patch === null) return;
  if (patch.progress !== null) row.progress = { ...patch.progress };
  if (patch.usage !== null) row.usage = { ...patch.usage };
  row.logs = [...row.logs, ...patch.logs].slice(-MAX_LOG_LINES);
}

function toRecord(row: Row, isDetailed: boolean): JobRecord {
  const { lane, token, leaseEndsAt, ended, heldUntil, ...record } = row;
  return structuredClone({
    ...record,
    payload: isDetailed ? record.payload : "",
    logs: isDetailed ? record.logs : [],
  });
}

function toClaimed(row: Row, isLost: boolean): ClaimedJob {
  const { v, id, task, payload, attempts, attemptLimit, maxRetries, losses, createdAt, runAt, trace } = row;
  return {
    ...{ v, id, task, payload, isLost, attempts, attemptLimit, maxRetries, losses, createdAt, runAt, trace },
    worker: row.worker as string,
    attemptedAt: row.attemptedAt as number,
    usage: row.usage && { ...row.usage },
  };
}

/** By a field, then by id. */
function sorted<
  Key extends string,
  Item extends { readonly [K in Key]: string | number | null } & { readonly id: string },
>(items: readonly Item[], key: Key): Item[] {
  return items.toSorted((a, b) => compare(a[key], b[key]) || compare(a.id, b.id));
}

function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null || a === b) return 0;
  return a < b ? -1 : 1;
}
