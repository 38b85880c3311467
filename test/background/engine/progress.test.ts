import { background } from "rapidai/background";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { JobAtHand } from "../../../src/background/engine/job.ts";
import { heldBack, losesReply, rejects } from "./faulty-store.ts";
import { controlled, eventsOf, nth, resultOf, runningJob, scene, turns } from "./scene.ts";

const logsOf = async (queue: ReturnType<typeof scene>["queue"], jobId: string) =>
  (await queue.getDetails(jobId))?.logs ?? [];

describe("progress", () => {
  test("is visible to getResult while the job runs", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    nth(runs, 0).job.progress(0.25);
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).progress).toEqual({ fraction: 0.25, done: null, total: null, message: null });
    nth(runs, 0).job.progress({ done: 3, total: 4, message: "nearly" });
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).progress).toEqual({ fraction: 0.75, done: 3, total: 4, message: "nearly" });
  });

  test("on a durable store shares one write among many reports", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob({ isDurable: true });
    const before = store.calls.heartbeat;
    for (let step = 1; step <= 500; step++) {
      nth(runs, 0).job.progress(step / 1_000);
      if (step % 50 === 0) await turns(1);
    }
    await clock.advance(0);
    expect(store.calls.heartbeat - before).toBeLessThanOrEqual(3);
    expect((await resultOf(queue, jobId)).progress?.fraction).toBe(0.5);
  });

  test("on a durable store is written as often even if the system's clock is set back", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { queue, runs, jobId } = await runningJob({ isDurable: true });
    vi.setSystemTime(Date.now() - 3_600_000);
    nth(runs, 0).job.progress(0.5);
    await expect.poll(async () => (await resultOf(queue, jobId)).progress?.fraction).toBe(0.5);
  });

  test("starts anew with each attempt", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    nth(runs, 0).job.progress(0.9);
    nth(runs, 0).fail(new Error("again"));
    await clock.drain();
    expect((await resultOf(queue, jobId)).progress?.fraction).toBe(0.9);
    await clock.advance("2s");
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "running", progress: null });
  });

  test("is stored no later than the attempt's end, even when reported right before it", async () => {
    const { queue, clock } = scene({ isDurable: true });
    const task = background({ queue }, async function lastWords(_: undefined, job) {
      job.progress({ done: 9, total: 9 });
      job.log("bye");
    });
    const jobId = await task.enqueue();
    const job = await task.wait(jobId);
    expect(job).toMatchObject({ status: "completed", progress: { fraction: 1, done: 9 } });
    expect(await logsOf(queue, jobId)).toEqual(["bye"]);
    await clock.drain();
  });

  test("of an attempt that is over is dropped", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    const [done, cancelled] = (await task.enqueueMany([1, 2])) as [string, string];
    await clock.advance(0);
    nth(runs, 0).job.progress(0.1);
    nth(runs, 0).complete();
    await task.cancel(cancelled);
    await clock.advance(0);
    const told = eventsOf(queue);
    for (const { job } of runs) {
      job.progress(0.99);
      job.log("too late");
    }
    await clock.advance("1m");
    expect(told).toEqual([]);
    expect((await resultOf(queue, done)).progress?.fraction).toBe(0.1);
    expect((await resultOf(queue, cancelled)).progress).toBe(null);
    expect(await logsOf(queue, done)).toEqual([]);
    expect(await logsOf(queue, cancelled)).toEqual([]);
  });

  test("of an attempt that is over but not settled yet is dropped", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    const told = eventsOf(queue);
    const settle = heldBack({ isBefore: true });
    store.on("settle", settle.fault);
    nth(runs, 0).complete();
    await turns();
    nth(runs, 0).job.progress(0.99);
    nth(runs, 0).job.log("too late");
    nth(runs, 0).job.recordUsage({ inputTokens: 1, outputTokens: 1, cost: 1 });
    // A heartbeat is due, and would carry them.
    const { heartbeat } = store.calls;
    clock.set(clock.now() + 20_000);
    await clock.drain({ timeout: 0 }).catch(() => {});
    await turns();
    expect(store.calls.heartbeat).toBeGreaterThan(heartbeat);
    expect(told).toEqual([]);
    settle.release();
    await clock.drain();
    expect(await queue.getDetails(jobId)).toMatchObject({ progress: null, logs: [], usage: null });
  });

  test("is handed on once, like log lines and usage", () => {
    const job = new JobAtHand("id", "task", 1, 0);
    job.progress(0.5);
    job.log("line");
    job.recordUsage({ inputTokens: 1, outputTokens: 1, cost: 1 });
    expect(job.takePatch()).toMatchObject({ progress: { fraction: 0.5 }, logs: ["line"], usage: { inputTokens: 1 } });
    expect(job.takePatch()).toBe(null);
  });

  test("that is invalid throws where it is reported; a fraction that cannot be computed is null, and one over 1 is 1", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    const { job } = nth(runs, 0);
    for (const nonsense of ["half", null, { done: "1" }, { message: 7 }, undefined])
      expect(() => job.progress(nonsense as never)).toThrow(expect.objectContaining({ code: "invalid_option" }));
    job.progress({ done: 0, total: 0 });
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).progress).toMatchObject({ fraction: null, done: 0, total: 0 });
    job.progress(17);
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).progress).toMatchObject({ fraction: 1 });
  });

  test("gives an estimate of when the job will be done", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    await clock.advance("10s");
    expect((await resultOf(queue, jobId)).estimatedCompletion).toBe(null);
    nth(runs, 0).job.progress(0.25);
    await clock.advance(0);
    expect(+((await resultOf(queue, jobId)).estimatedCompletion as Date)).toBe(clock.now() + 30_000);
  });
});

describe("log lines", () => {
  test("the newest 1,000 of all attempts are kept, each truncated to 4 KiB", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, maxRetries: 1 }, async function chatty(_: undefined, job) {
      for (let line = 0; line < 3_000; line++) job.log(`${job.attempt}:${line}`);
      if (job.attempt === 2) job.log("é".repeat(10_000));
      if (job.attempt === 1) throw new Error("again");
    });
    const jobId = await task.enqueue();
    await clock.drain();
    expect((await logsOf(queue, jobId))[0]).toBe("1:2000");
    await clock.advance("2s");
    const logs = await logsOf(queue, jobId);
    expect([logs.length, logs[0], logs.at(-2)]).toEqual([1_000, "2:2001", "2:2999"]);
    expect(Buffer.byteLength(logs.at(-1) as string)).toBeLessThanOrEqual(4_096);
  });

  test("are no progress: they emit no event", async () => {
    const { queue, clock, runs } = await runningJob();
    const told = eventsOf(queue);
    nth(runs, 0).job.log("one");
    await clock.advance(0);
    expect(told).toEqual([]);
  });

  test("are visible while the job runs, in order", async () => {
    const { queue, clock, runs, jobId } = await runningJob();
    nth(runs, 0).job.log("one");
    await clock.advance(0);
    nth(runs, 0).job.log("two");
    nth(runs, 0).job.log("three");
    await clock.advance(0);
    expect(await logsOf(queue, jobId)).toEqual(["one", "two", "three"]);
  });
});

describe("a heartbeat that carries a report", () => {
  test("and fails loses nothing of it", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    store.on("heartbeat", rejects(), 2);
    nth(runs, 0).job.log("first");
    nth(runs, 0).job.progress(0.1);
    await turns();
    nth(runs, 0).job.log("second");
    await clock.advance("30s");
    expect(await logsOf(queue, jobId)).toEqual(["first", "second"]);
    expect((await resultOf(queue, jobId)).progress?.fraction).toBe(0.1);
  });

  test("and fails puts its log lines before newer ones, and does not replace newer progress", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    const late = heldBack({ isBefore: true });
    store.on("heartbeat", async (_, args) => late.fault(() => Promise.reject(new Error("gone")), args), 1);
    nth(runs, 0).job.log("old");
    nth(runs, 0).job.progress(0.1);
    await turns();
    while (late.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    nth(runs, 0).job.log("new");
    nth(runs, 0).job.progress(0.2);
    late.release();
    await clock.advance("30s");
    expect(await logsOf(queue, jobId)).toEqual(["old", "new"]);
    expect((await resultOf(queue, jobId)).progress?.fraction).toBe(0.2);
  });

  test("and is in flight when the attempt ends holds up the settlement, which carries what failed", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    const late = heldBack({ isBefore: true });
    store.on("heartbeat", (_, args) => late.fault(() => Promise.reject(new Error("gone")), args), 1);
    nth(runs, 0).job.log("precious");
    while (late.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    nth(runs, 0).job.log("last");
    nth(runs, 0).complete("done");
    await turns();
    expect((await resultOf(queue, jobId)).status).toBe("running");
    late.release();
    await clock.drain();
    expect((await resultOf(queue, jobId)).status).toBe("completed");
    expect(await logsOf(queue, jobId)).toEqual(["precious", "last"]);
  });

  test("and whose reply is lost may store a log line twice, but never loses one", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob();
    store.on("heartbeat", losesReply(), 1);
    nth(runs, 0).job.log("heard");
    await clock.advance("30s");
    nth(runs, 0).complete();
    await clock.drain();
    expect(new Set(await logsOf(queue, jobId))).toEqual(new Set(["heard"]));
  });
});
