import {
  background,
  currentJob,
  InMemoryQueue,
  type JobQueue,
  newJobId,
  RedisQueue,
  SqliteQueue,
} from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import { ownRedis } from "../../redis/own-redis.ts";
import { isWithoutRedis } from "../../redis/program.ts";
import { newFolder } from "../stores/peers.ts";
import { heldBack, losesReply, rejects } from "./faulty-store.ts";
import { controlled, nth, resultOf, runningJob, scene, turns, twoWorkers } from "./scene.ts";

const ONE = { inputTokens: 100, outputTokens: 20, cost: 0.5 };

describe("usage", () => {
  test("is null until something is recorded, then the sum of all of it, visible while the job runs", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    expect((await resultOf(queue, jobId)).usage).toBe(null);
    nth(runs, 0).job.recordUsage(ONE);
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).usage).toEqual(ONE);
    nth(runs, 0).job.recordUsage({ inputTokens: 7, outputTokens: 0, cost: 0.25 });
    nth(runs, 0).complete();
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({
      status: "completed",
      usage: { inputTokens: 107, outputTokens: 20, cost: 0.75 },
    });
  });

  test("adds up over all attempts, including failed ones and those after a retry by hand", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, maxRetries: 1 }, async function costly() {
      currentJob()?.recordUsage(ONE);
      throw new Error("for nothing");
    });
    const jobId = await task.enqueue();
    await clock.drain();
    expect((await resultOf(queue, jobId)).usage).toEqual(ONE);
    await clock.advance("2s");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({
      status: "failed",
      usage: { inputTokens: 200, outputTokens: 40, cost: 1 },
    });
    await queue.retry(jobId);
    await clock.drain();
    expect((await resultOf(queue, jobId)).usage).toEqual({ inputTokens: 300, outputTokens: 60, cost: 1.5 });
  });

  test("of a call whose price is unknown makes the job's cost null, and its tokens still count", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    nth(runs, 0).job.recordUsage(ONE);
    nth(runs, 0).job.recordUsage({ ...ONE, cost: null });
    nth(runs, 0).fail(new Error("again"));
    await clock.advance("2s");
    nth(runs, 1).job.recordUsage(ONE);
    nth(runs, 1).complete();
    await clock.drain();
    expect((await resultOf(queue, jobId)).usage).toEqual({ inputTokens: 300, outputTokens: 60, cost: null });
  });

  test("that is recorded when a timeout aborts the signal counts", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, timeout: "5s", maxRetries: 0 }, async function slow(_: undefined, job) {
      job.signal.addEventListener("abort", () => job.recordUsage(ONE));
      return new Promise<void>(() => {});
    });
    const jobId = await task.enqueue();
    await clock.advance("5s");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "failed", usage: ONE });
  });

  test("of an attempt that is over is dropped", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    nth(runs, 0).complete();
    await clock.drain();
    nth(runs, 0).job.recordUsage(ONE);
    await clock.advance("1m");
    expect((await resultOf(queue, jobId)).usage).toBe(null);
  });

  test("of a lost worker counts as far as it was reported, and the next attempt adds to it", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const [there, here] = [controlled(a.queue), controlled(b.queue)];
    await clock.advance(0);
    const mayClaim = b.store.on("claim", async () => ({ jobs: [], nextDueMs: null }));
    const jobId = await a.queue.enqueue("controlled", 0);
    await a.clock.advance(0);
    nth(there.runs, 0).job.recordUsage(ONE);
    await a.clock.advance(0);
    for (const method of ["claim", "heartbeat", "settle"] as const) a.store.on(method, rejects());
    nth(there.runs, 0).job.recordUsage({ ...ONE, inputTokens: 9_999 });
    mayClaim();
    await clock.advance("32s");
    nth(here.runs, 0).job.recordUsage(ONE);
    nth(here.runs, 0).complete();
    await clock.drain();
    expect((await resultOf(b.queue, jobId)).usage).toEqual({ inputTokens: 200, outputTokens: 40, cost: 1 });
  });

  test("that a heartbeat could not store goes with the next, and counts once", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    store.on("heartbeat", rejects(), 1);
    nth(runs, 0).job.recordUsage(ONE);
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).usage).toBeNull();
    store.on("heartbeat", losesReply(), 1);
    await clock.advance("10s");
    await clock.advance("30s");
    expect((await resultOf(queue, jobId)).usage).toEqual(ONE);
    nth(runs, 0).job.recordUsage(ONE);
    nth(runs, 0).complete();
    await clock.drain();
    expect((await resultOf(queue, jobId)).usage).toEqual({ inputTokens: 200, outputTokens: 40, cost: 1 });
  });

  test("in a heartbeat that fails while the attempt ends goes with the settlement", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    const late = heldBack({ isBefore: true });
    store.on("heartbeat", (_, args) => late.fault(() => Promise.reject(new Error("gone")), args), 1);
    nth(runs, 0).job.recordUsage(ONE);
    while (late.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    nth(runs, 0).job.recordUsage(ONE);
    nth(runs, 0).complete();
    await turns();
    late.release();
    await clock.drain();
    expect((await resultOf(queue, jobId)).usage).toEqual({ inputTokens: 200, outputTokens: 40, cost: 1 });
  });

  test("that is invalid throws where it is recorded", async () => {
    const { clock, runs } = await runningJob();
    const record = () => nth(runs, 0).job.recordUsage({ inputTokens: -1, outputTokens: 0, cost: 0 });
    expect(record).toThrow(expect.objectContaining({ code: "invalid_option" }));
    nth(runs, 0).complete();
    await clock.drain();
  });
});

describe("on every queue", () => {
  const redis = ownRedis();

  const folder = newFolder();
  const queues: readonly (readonly [string, boolean, () => JobQueue])[] = [
    ["memory", false, () => new InMemoryQueue()],
    ["SQLite", false, () => new SqliteQueue({ path: `${folder}/usage.db` })],
    ["Redis", isWithoutRedis, () => new RedisQueue({ url: redis.url })],
  ];
  for (const [name, isLeftOut, open] of queues)
    test.skipIf(isLeftOut)(`usage of all attempts is in the JobResult (${name})`, async () => {
      const queue = open();
      await queue.ready({ timeout: "20s" });
      const task = background({ queue, backoff: 0, maxRetries: 2 }, async function costly(_: undefined, job) {
        job.recordUsage(ONE);
        if (job.attempt < 3) throw new Error("again");
        job.recordUsage({ inputTokens: 1, outputTokens: 1, cost: null });
      });
      // On a busy machine a server may not answer in time, so calls are repeated.
      const patiently = <T>(ask: () => Promise<T>): Promise<T> => vi.waitFor(ask, { timeout: 25_000, interval: 100 });
      const id = newJobId();
      const jobId = await patiently(() => task.enqueue(undefined, { id }));
      const { usage, attempts } = await patiently(() => task.wait(jobId, { timeout: "20s" }));
      expect({ usage, attempts }).toEqual({ usage: { inputTokens: 301, outputTokens: 61, cost: null }, attempts: 3 });
      expect((await patiently(() => queue.listJobs())).map((job) => job.usage)).toEqual([usage]);
      await queue.close();
    });
});
