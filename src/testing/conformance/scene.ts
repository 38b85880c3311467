import assert from "node:assert/strict";
import type {
  ClaimAnswer,
  ClaimedJob,
  ClaimRequest,
  EnqueueAnswer,
  Failure,
  HeldAnswer,
  JobRecord,
  ListFilter,
  NewJob,
  Patch,
  PruneRequest,
  SettleAnswer,
  Settlement,
  Store,
} from "../../background/core/store.ts";
import { laneOf, RECORD_VERSION } from "../../background/core/store.ts";
import type { HandClock } from "./hand-clock.ts";

export const TASK = "send-email";
export const OTHER_TASK = "resize-image";
export const LEASE_MS = 30_000;

/** The n-th id, in the order of ids. */
export function idOf(n: number): string {
  return `0197a1b2-c3d4-7000-8000-${n.toString(16).padStart(12, "0")}`;
}

export function newJob(n: number, fields: Partial<NewJob> = {}): NewJob {
  const { task = TASK, v = RECORD_VERSION } = fields;
  return {
    v,
    id: idOf(n),
    task,
    lane: laneOf(task, v),
    payload: `{"n":${n}}`,
    maxRetries: 3,
    delayMs: 0,
    runAt: null,
    trace: null,
    ...fields,
  };
}

export function patchOf(fields: Partial<Patch>): Patch {
  return { progress: null, logs: [], usage: null, ...fields };
}

/** Lists everything that fits on one page. */
export const ALL_JOBS: ListFilter = { status: null, task: null, before: null, limit: 1_000, isBrief: false };

export const FAILURE: Failure = {
  name: "TypeError",
  message: "no such mailbox",
  stack: "TypeError: no such mailbox\n  at send",
};

/** A held attempt: the job's id and the attempt's token. */
export interface Held {
  readonly id: string;
  readonly token: string;
}

/** A store under test and its clock, with short forms of its calls, in which omitted fields have defaults. */
export class Scene {
  readonly store: Store;
  readonly clock: HandClock;
  #tokens = 0;

  constructor(store: Store, clock: HandClock) {
    this.store = store;
    this.clock = clock;
  }

  newToken(): string {
    return `token-${++this.#tokens}`;
  }

  /** Enqueues the jobs with these numbers. */
  async add(numbers: readonly number[], fields: Partial<NewJob> = {}): Promise<readonly EnqueueAnswer[]> {
    return this.store.enqueue(numbers.map((n) => newJob(n, fields)));
  }

  request(fields: Partial<ClaimRequest> = {}): ClaimRequest {
    return {
      worker: "worker-1",
      token: this.newToken(),
      lanes: [{ lane: TASK, limit: 1_000 }],
      limit: 1_000,
      lostLimit: 1_000,
      leaseMs: LEASE_MS,
      maxVersion: RECORD_VERSION,
      ...fields,
    };
  }

  claim(fields: Partial<ClaimRequest> = {}): Promise<ClaimAnswer> {
    return this.store.claim(this.request(fields));
  }

  /** Claims jobs and returns their ids. */
  async take(fields: Partial<ClaimRequest> = {}): Promise<readonly string[]> {
    return (await this.claim(fields)).jobs.map((job) => job.id);
  }

  /** Claims one job, and fails if there is none. */
  async takeOne(fields: Partial<ClaimRequest> = {}): Promise<ClaimedJob & Held> {
    const request = this.request({ limit: 1, ...fields });
    const { jobs } = await this.store.claim(request);
    assert.equal(jobs.length, 1, "one job should be claimed");
    return { ...(jobs[0] as ClaimedJob), token: request.token };
  }

  /** Enqueues the job with this number and claims it. No other job may be due in its lane. */
  async start(n: number, fields: Partial<NewJob> = {}, claim: Partial<ClaimRequest> = {}): Promise<Held> {
    const job = newJob(n, fields);
    assert.deepEqual(await this.store.enqueue([job]), ["stored"]);
    const { id, token } = await this.takeOne({ lanes: [{ lane: job.lane, limit: 1 }], lostLimit: 0, ...claim });
    assert.equal(id, job.id);
    return { id, token };
  }

  /** Enqueues the job with this number and finishes it. */
  async finish(n: number, to: "completed" | "failed" | "cancelled", fields: Partial<NewJob> = {}): Promise<void> {
    if (to === "cancelled") {
      await this.store.enqueue([newJob(n, fields)]);
      assert.equal(await this.cancel(idOf(n)), true);
    } else assert.equal(await this.settle(await this.start(n, fields), { to }), "settled");
  }

  settlement({ id, token }: Held, fields: Partial<Settlement> = {}): Settlement {
    const to = fields.to ?? "completed";
    return {
      id,
      token,
      to,
      result: to === "completed" ? '"sent"' : null,
      delayMs: null,
      isUncounted: false,
      isLoss: false,
      failure: null,
      patch: null,
      ...fields,
    };
  }

  async settle(held: Held, fields: Partial<Settlement> = {}): Promise<SettleAnswer> {
    return only(await this.store.settle([this.settlement(held, fields)]));
  }

  async beat(
    { id, token }: Held,
    patch: Partial<Patch> | null = null,
    leaseMs: number = LEASE_MS,
  ): Promise<HeldAnswer> {
    const beats = [{ id, token, patch: patch && patchOf(patch) }];
    const worker = { id: "worker-1", tasks: [TASK], slots: 10, concurrency: {}, version: "0.1.0" };
    return only(await this.store.heartbeat({ worker, presenceMs: LEASE_MS, leaseMs, beats }));
  }

  async cancel(id: string, by: string | null = null, task: string | null = null): Promise<boolean> {
    return only(await this.store.cancel([{ id, task, by }]));
  }

  async retry(id: string, task: string | null = null): Promise<boolean> {
    return only(await this.store.retry([{ id, task }]));
  }

  /** The complete record of a job, which has to exist. */
  async record(id: string): Promise<JobRecord> {
    const record = await this.find(id);
    assert.ok(record !== null, `job ${id} should exist`);
    return record;
  }

  async find(id: string, holdMs = 0): Promise<JobRecord | null> {
    return only(await this.store.get([id], { isDetailed: true, holdMs }));
  }

  /** Lists jobs and returns their ids. */
  async list(filter: Partial<ListFilter> = {}): Promise<readonly string[]> {
    const records = await this.store.list({ ...ALL_JOBS, ...filter });
    return records.map((record) => record.id);
  }

  prune(fields: Partial<PruneRequest> = {}): Promise<number> {
    const all = { ageMs: null, count: null };
    return this.store.prune({ completed: all, failed: all, limit: 1_000, ...fields });
  }
}

/** The answer to a batch of one. */
function only<Answer>(answers: readonly Answer[]): Answer {
  assert.equal(answers.length, 1, "a batch of one should have one answer");
  return answers[0] as Answer;
}
