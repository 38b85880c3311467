import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode } from "../../../src/background/core/codec.ts";
import { detailsOf, type Estimate, type JobResult, resultOf } from "../../../src/background/core/result.ts";
import { JOB_STATUSES } from "../../../src/background/core/status.ts";
import type { JobRecord, PastAttempt } from "../../../src/background/core/store.ts";
import { recordOf, CREATED_AT as T } from "./record.ts";

const ID = "0198c2a4-5b3e-7cc1-8f00-0123456789ab";
const KIND = { what: "result", limit: 1_048_576 } as const;
const UNKNOWN: Estimate = { now: T + 5_000, usualMs: null };

const failure = (attempt: number): PastAttempt => ({
  attempt,
  name: "TypeError",
  message: `failure ${attempt}`,
  stack: "the stack",
  worker: "worker-1",
  startedAt: T + attempt * 10,
  endedAt: T + attempt * 10 + 5,
});
const record = (fields: Partial<JobRecord> = {}): JobRecord =>
  recordOf({ id: ID, task: "mail", payload: '{"to":"ada"}', runAt: T + 1, ...fields });
const completed = (value: unknown, fields: Partial<JobRecord> = {}): JobRecord =>
  record({
    status: "completed",
    result: encode(value, KIND),
    attempts: 2,
    startedAt: T + 10,
    attemptedAt: T + 20,
    completedAt: T + 1_510,
    worker: "worker-1",
    past: [failure(1)],
    ...fields,
  });
const FIELDS = [
  ..."jobId task status result error errors createdAt startedAt attemptedAt completedAt runAt attempts maxRetries".split(
    " ",
  ),
  ..."progress estimatedCompletion usage isDone duration".split(" "),
];

test("a pending job has neither a start nor a result", () => {
  expect({ ...resultOf(record(), UNKNOWN) }).toEqual({
    jobId: ID,
    task: "mail",
    status: "pending",
    result: null,
    error: null,
    errors: [],
    createdAt: new Date(T),
    startedAt: null,
    attemptedAt: null,
    completedAt: null,
    runAt: new Date(T + 1),
    attempts: 0,
    maxRetries: 3,
    progress: null,
    estimatedCompletion: null,
    usage: null,
    isDone: false,
    duration: null,
  });
});

test("a job that completed after failures has no error, but still lists the failures", () => {
  const job = resultOf(completed({ ok: true }), UNKNOWN);
  expect(job).toMatchObject({ status: "completed", isDone: true, result: { ok: true }, error: null, duration: 1.5 });
  expect(job.errors).toEqual([
    { attempt: 1, name: "TypeError", message: "failure 1", stack: "the stack", at: new Date(T + 15) },
  ]);
});

test("a job that waits for a retry is pending, and says why it failed", () => {
  const job = resultOf(record({ attempts: 2, startedAt: T, attemptedAt: T, past: [failure(1), failure(2)] }), UNKNOWN);
  expect(job).toMatchObject({
    status: "pending",
    error: "failure 2",
    isDone: false,
    duration: null,
    completedAt: null,
  });
});

test("a job cancelled before it began has no duration; one cancelled later has one", () => {
  const end = { status: "cancelled", completedAt: T + 2_000 } as const;
  expect(resultOf(record(end), UNKNOWN)).toMatchObject({ isDone: true, duration: null, startedAt: null });
  expect(resultOf(record({ ...end, startedAt: T + 500 }), UNKNOWN)).toMatchObject({ isDone: true, duration: 1.5 });
});

test("the snapshot is frozen, with everything in it except the handler's values", () => {
  const progress = { fraction: 0.5, done: 1, total: 2, message: null };
  const usage = { inputTokens: 1, outputTokens: 2, cost: null };
  const source = completed({ list: [1] }, { progress, usage, logs: ["line"] });
  const job = detailsOf(source, UNKNOWN);
  for (const part of [job, job.errors, job.errors[0], job.progress, job.usage, job.logs, job.history, ...job.history])
    expect(Object.isFrozen(part)).toBe(true);
  expect(() => Object.assign(job, { status: "failed" })).toThrow(TypeError);
  // The record's objects may be the store's own.
  expect(Object.isFrozen(progress)).toBe(false);
});

test("the result is the reader's own copy: changing it affects no other reader and no stored job", () => {
  const source = completed({ list: [1] }, { logs: ["line"] });
  const first = resultOf(source, UNKNOWN) as JobResult<{ list: number[] }>;
  if (first.status === "completed") first.result.list.push(2);
  first.createdAt.setTime(0);
  const details = detailsOf(source, UNKNOWN);
  (details.payload as { to: string }).to = "eve";
  const again = detailsOf(source, UNKNOWN);
  expect(again).toMatchObject({ result: { list: [1] }, createdAt: new Date(T), payload: { to: "ada" } });
});

test("times are Dates, and in JSON they are ISO strings in UTC", () => {
  const { createdAt } = resultOf(record(), UNKNOWN);
  expect(createdAt).toBeInstanceOf(Date);
  expect(JSON.parse(JSON.stringify({ createdAt }))).toEqual({ createdAt: "2026-01-01T00:00:00.000Z" });
});

test("JSON has every field, whatever the status", () => {
  for (const status of JOB_STATUSES) {
    for (const value of [undefined, null, { a: 1 }]) {
      const json = JSON.parse(JSON.stringify(resultOf(completed(value, { status }), UNKNOWN))) as object;
      expect(Object.keys(json).sort()).toEqual([...FIELDS].sort());
    }
  }
  const json = JSON.parse(JSON.stringify(detailsOf(completed(undefined), UNKNOWN))) as object;
  expect(Object.keys(json)).toEqual(
    expect.arrayContaining(["payload", "logs", "history", "worker", "cancelledBy", "attemptLimit", "losses", "trace"]),
  );
  expect(json).toMatchObject({ result: null, completedAt: "2026-01-01T00:00:01.510Z" });
});

test("JSON shows a result as far as it can: BigInt, Map, Set, bytes, cycles", () => {
  const value: Record<string, unknown> = {
    big: 1n,
    map: new Map([["a", 1]]),
    set: new Set([1]),
    bytes: Buffer.from("a"),
  };
  value.self = value;
  const json = JSON.parse(JSON.stringify(resultOf(completed(value), UNKNOWN))) as { result: unknown };
  expect(json.result).toEqual({ big: "1", map: [["a", 1]], set: [1], bytes: "YQ==", self: "[Circular]" });
});

test("a snapshot can be turned into JSON whatever a handler returned", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
    withSparseArray: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      const text = JSON.stringify({ jobs: [detailsOf(completed(value), UNKNOWN)] });
      expect(JSON.parse(text)).toMatchObject({ jobs: [{ jobId: ID, status: "completed" }] });
    }),
  );
});

test("a handler may return a snapshot of another job, which is plain data", () => {
  const job = detailsOf(completed(new Map([["a", 1]])), UNKNOWN);
  expect(Object.getPrototypeOf(job)).toBe(Object.prototype);
  expect(decode(encode({ job }, KIND), KIND)).toEqual({ job: { ...job } });
});

test("a value that cannot be read is reported as its job's error, and breaks no listing", () => {
  for (const text of ["~z:1", "{", '~d:[["Error",1],null]']) {
    const job = resultOf(completed(1, { result: text }), UNKNOWN);
    expect(job).toMatchObject({ status: "completed", isDone: true, result: null });
    expect(job.error).toMatch(new RegExp(`stored result of job ${ID} of task 'mail' cannot be read`));
    expect(detailsOf(record({ payload: text }), UNKNOWN)).toMatchObject({ payload: null, error: null });
    expect(() => JSON.stringify(job)).not.toThrow();
  }
});

test("a completed job without a stored result has null", () => {
  expect(resultOf(completed(1, { result: null }), UNKNOWN)).toMatchObject({ result: null, error: null });
  expect(resultOf(completed(undefined), UNKNOWN).result).toBeUndefined();
});

test("the end of a running job is estimated from its progress, or else from its task's usual duration", () => {
  const running = record({ status: "running", attempts: 1, startedAt: T, attemptedAt: T + 1_000 });
  const half = { fraction: 0.5, done: null, total: null, message: null };
  const estimate = (fields: Partial<JobRecord>, given: Estimate): Date | null =>
    resultOf({ ...running, ...fields }, given).estimatedCompletion;
  expect(estimate({ progress: half }, UNKNOWN)).toEqual(new Date(T + 9_000));
  expect(estimate({ progress: { ...half, fraction: 1 } }, UNKNOWN)).toEqual(new Date(T + 5_000));
  // Too far away for any Date.
  expect(estimate({ progress: { ...half, fraction: 1e-14 } }, UNKNOWN)).toBeNull();
  expect(estimate({}, { now: T + 5_000, usualMs: 10_000 })).toEqual(new Date(T + 11_000));
  expect(estimate({ progress: { ...half, fraction: 0 } }, { now: T + 5_000, usualMs: 10_000 })).toEqual(
    new Date(T + 11_000),
  );
  expect(estimate({}, { now: T + 60_000, usualMs: 10_000 })).toEqual(new Date(T + 60_000));
  expect(estimate({}, UNKNOWN)).toBeNull();
  for (const status of JOB_STATUSES.filter((each) => each !== "running"))
    expect(estimate({ status, progress: half, completedAt: T }, { now: T, usualMs: 5 })).toBeNull();
});

test("an estimate is never before now, even if a store's clock and the reader's differ", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.integer({ min: -5_000, max: 5_000 }),
      (fraction, skew) => {
        const progress = { fraction, done: null, total: null, message: null };
        const running = record({ status: "running", startedAt: T, attemptedAt: T, progress });
        const { estimatedCompletion } = resultOf(running, { now: T + skew, usualMs: null });
        expect(Number(estimatedCompletion)).toBeGreaterThanOrEqual(T + skew);
      },
    ),
  );
});

test("the history has each failed attempt and the latest", () => {
  const attempts = (fields: Partial<JobRecord>): unknown[] =>
    detailsOf(record({ startedAt: T, worker: "worker-2", ...fields }), UNKNOWN).history.map((entry) => [
      entry.attempt,
      entry.status,
      entry.worker,
    ]);
  expect(attempts({})).toEqual([]);
  expect(attempts({ status: "running", attempts: 2, attemptedAt: T, past: [failure(1)] })).toEqual([
    [1, "failed", "worker-1"],
    [2, "running", "worker-2"],
  ]);
  expect(attempts({ status: "failed", attempts: 1, attemptedAt: T, past: [failure(1)] })).toEqual([
    [1, "failed", "worker-1"],
  ]);
  expect(attempts({ status: "completed", attempts: 1, attemptedAt: T })).toEqual([[1, "completed", "worker-2"]]);
  expect(attempts({ status: "cancelled", attempts: 1, attemptedAt: T })).toEqual([[1, "cancelled", "worker-2"]]);
  expect(attempts({ status: "failed", attempts: 2, attemptedAt: T, past: [failure(1), failure(2)] })).toEqual([
    [1, "failed", "worker-1"],
    [2, "failed", "worker-1"],
  ]);
  // Handed back, uncounted.
  expect(attempts({ status: "pending", attempts: 0, attemptedAt: T })).toEqual([]);
  // Retried by hand since.
  expect(attempts({ status: "pending", attempts: 1, attemptedAt: T })).toEqual([[1, "cancelled", "worker-2"]]);
});

test("an instant beyond any Date is shown as the nearest Date", () => {
  const far = { createdAt: -9e18, runAt: 9e18, startedAt: 9e18, attemptedAt: 9e18, completedAt: 9e18 };
  const past = [{ ...failure(1), startedAt: -9e18, endedAt: 9e18 }];
  const shown = detailsOf(completed(1, { ...far, past }), UNKNOWN);
  expect(shown.createdAt.toISOString()).toBe("-271821-04-20T00:00:00.000Z");
  const latest = [shown.runAt, shown.startedAt, shown.completedAt, shown.errors[0]?.at, shown.history[0]?.endedAt];
  for (const at of latest) expect(at?.toISOString()).toBe("+275760-09-13T00:00:00.000Z");
});
