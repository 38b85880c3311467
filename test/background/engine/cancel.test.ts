import { background, JobError, type JobQueue, newJobId } from "rapidai/background";
import { describe, expect, test } from "vitest";
import type { Signal } from "../../../src/background/core/store.ts";
import { heldBack, losesReply } from "./faulty-store.ts";
import { controlled, eventsOf, handingOver, nth, resultOf, runningJob, scene, turns, twoWorkers } from "./scene.ts";

/** Counts the `cancelled` events of each job from now on. */
function cancelsTold(queue: JobQueue): Map<string, number> {
  const told = new Map<string, number>();
  queue.on("cancelled", ({ jobId }) => told.set(jobId, (told.get(jobId) ?? 0) + 1));
  return told;
}

describe("cancel of a pending job", () => {
  test("before the first tick ends it, and its handler is never called", async () => {
    const { queue, clock } = scene();
    const told = cancelsTold(queue);
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    expect(await task.cancel(jobId)).toBe(true);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "cancelled", isDone: true, duration: null });
    await clock.advance("1h");
    expect(runs).toEqual([]);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "cancelled", attempts: 0, startedAt: null });
    expect([...told]).toEqual([[jobId, 1]]);
  });

  test("that is delayed ends it", async () => {
    const { queue, clock } = scene();
    const told = cancelsTold(queue);
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    await clock.advance("1m");
    expect(await task.cancel(jobId)).toBe(true);
    const { completedAt } = await resultOf(queue, jobId);
    expect(+(completedAt as Date)).toBe(clock.now());
    await clock.advance("2h");
    expect(runs).toEqual([]);
    expect([...told]).toEqual([[jobId, 1]]);
  });

  test("during a retry wait ends it, and it is not retried", async () => {
    const { queue, clock, task, runs, jobId } = await runningJob();
    const told = cancelsTold(queue);
    nth(runs, 0).fail(new Error("once"));
    await clock.drain();
    expect(await task.cancel(jobId)).toBe(true);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "cancelled", error: "once", attempts: 1 });
    await clock.advance("1h");
    expect(runs).toHaveLength(1);
    expect([...told]).toEqual([[jobId, 1]]);
  });

  test("on a queue without a worker ends it, and emits cancelled", async () => {
    const { queue } = scene({ worker: false });
    const told = eventsOf(queue);
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0);
    expect(await queue.cancel(jobId)).toBe(true);
    expect(told).toContainEqual({ name: "cancelled", event: { jobId, task: "controlled", isOwn: true } });
  });

  test("that was answered just before the queue was closed is no error of the queue", async () => {
    const { queue, store, errors } = scene({ worker: false });
    cancelsTold(queue);
    const jobId = await queue.enqueue("nobody");
    const look = heldBack({ isBefore: true });
    store.on("get", look.fault);
    const cancelling = queue.cancel(jobId);
    await turns();
    expect(look.waiting).toBe(1);
    await queue.close();
    look.release();
    expect([await cancelling, errors]).toEqual([true, []]);
  });
});

describe("cancel of a running job", () => {
  test("aborts its signal within the turn, and every reader sees it cancelled at once", async () => {
    const { queue, clock, task, runs, jobId } = await runningJob();
    const told = cancelsTold(queue);
    const { signal } = nth(runs, 0).job;
    await clock.advance("2s");
    expect(await task.cancel(jobId)).toBe(true);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(JobError);
    expect(signal.reason).toMatchObject({ code: "job_cancelled", jobId, task: "controlled" });
    const job = await resultOf(queue, jobId);
    expect(job).toMatchObject({ status: "cancelled", isDone: true, result: null, duration: 2 });
    expect(+(job.completedAt as Date)).toBe(clock.now());
    expect([...told]).toEqual([[jobId, 1]]);
  });

  test.each([
    ["returns", (run: ReturnType<typeof nth>) => run.complete("late")],
    ["throws", (run: ReturnType<typeof nth>) => run.fail(new Error("late"))],
  ])("drops what its handler %s and reports afterwards", async (_, end) => {
    const { queue, clock } = scene();
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    await task.cancel(jobId);
    const before = await resultOf(queue, jobId);
    nth(runs, 0).job.progress(0.5);
    end(nth(runs, 0));
    await clock.drain();
    await clock.advance("1h");
    expect(await resultOf(queue, jobId)).toEqual(before);
    expect(runs).toHaveLength(1);
    expect(told.map(({ name }) => name)).toEqual(["enqueued", "started", "cancelled"]);
  });

  test("frees its slot when the handler ends", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const { task, runs } = controlled(queue);
    const [jobId] = (await task.enqueueMany([1, 2])) as [string];
    await clock.advance(0);
    await task.cancel(jobId);
    await clock.advance("9s");
    expect(runs).toHaveLength(1);
    nth(runs, 0).complete();
    await clock.advance(0);
    expect(runs).toHaveLength(2);
  });

  test("frees its slot after the grace when the handler ignores the signal", async () => {
    const { queue, clock } = scene({ concurrency: 1, grace: "4s" });
    const { task, runs } = controlled(queue);
    const [jobId] = (await task.enqueueMany([1, 2])) as [string];
    await clock.advance(0);
    await task.cancel(jobId);
    await clock.advance(3_999);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(runs.map((run) => run.payload)).toEqual([1, 2]);
    nth(runs, 0).complete("much too late");
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).status).toBe("cancelled");
  });

  test("is neither settled nor reported again when the worker stops before the handler ends", async () => {
    const { queue, store, task, jobId } = await runningJob();
    const told = cancelsTold(queue);
    await task.cancel(jobId);
    await queue.stop({ grace: 0 });
    expect(store.calls.settle).toBe(0);
    expect([...told]).toEqual([[jobId, 1]]);
    expect((await resultOf(queue, jobId)).status).toBe("cancelled");
  });

  test("keeps a later timeout from failing it", async () => {
    const { queue, clock, task, jobId } = await runningJob({ grace: "1h" }, { timeout: "5s" });
    await task.cancel(jobId);
    await clock.advance("10s");
    expect((await resultOf(queue, jobId)).status).toBe("cancelled");
  });

  test("on another worker aborts its signal even when the reply to the claim is still on its way", async () => {
    const { a, b } = twoWorkers();
    const { runs } = controlled(a.queue);
    await a.clock.advance(0);
    const slow = heldBack();
    a.store.on("claim", slow.fault, 1);
    const jobId = await a.queue.enqueue("controlled", 0);
    await turns();
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "running" });
    expect(await b.queue.cancel(jobId)).toBe(true);
    await turns();
    slow.release();
    await turns(10);
    // No time passes until the next heartbeat.
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "job_cancelled" });
  });

  test("on another worker reaches its handler within the turn", async () => {
    const { a, b } = twoWorkers();
    const { task, runs } = controlled(a.queue);
    const [toldA, toldB] = [cancelsTold(a.queue), cancelsTold(b.queue)];
    const jobId = await task.enqueue(0);
    await a.clock.advance(0);
    expect(await b.queue.cancel(jobId)).toBe(true);
    await turns(1);
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "job_cancelled" });
    expect([[...toldA], [...toldB]]).toEqual([[[jobId, 1]], [[jobId, 1]]]);
  });

  test("is learned from the next heartbeat when no signal arrives", async () => {
    const { a, b } = twoWorkers({ lease: "30s" });
    const { task, runs } = controlled(a.queue);
    a.store.on("subscribe", async () => () => {});
    const jobId = await task.enqueue(0);
    await a.clock.advance(0);
    const told = cancelsTold(a.queue);
    await b.queue.cancel(jobId);
    await turns();
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    await a.clock.advance("10s");
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "job_cancelled" });
    expect([...told]).toEqual([[jobId, 1]]);
  });

  test("is not asked for by a worker that has left, when the store says that signals were lost", async () => {
    const { queue, clock, store } = scene({ isDurable: true });
    controlled(queue);
    let tell = (_signal: Signal) => {};
    store.on("subscribe", async (subscribe, [kind, listener]) => {
      if (kind === "cancelled") tell = listener as typeof tell;
      return subscribe();
    });
    await clock.advance(0);
    const left = heldBack();
    store.on("heartbeat", left.fault, 1);
    const stopped = queue.stop();
    await turns();
    expect(left.waiting).toBe(1);
    const before = store.calls.heartbeat;
    tell({ kind: "cancelled", ids: [], isAfterGap: true });
    left.release();
    await stopped;
    await turns();
    expect(store.calls.heartbeat).toBe(before);
    expect((await queue.health()).workers).toEqual([]);
  });

  test.each([
    ["while its handler runs", false],
    ["while the reply to its claim is on its way", true],
  ])("is learned at once when the store says that signals were lost, %s", async (_, isClaiming) => {
    const { a, b } = twoWorkers({ lease: "30s" });
    const { runs } = controlled(a.queue);
    let tell = (_signal: Signal) => {};
    a.store.on("subscribe", async (subscribe, [kind, listener]) => {
      if (kind !== "cancelled") return subscribe();
      tell = listener as typeof tell;
      return () => {};
    });
    await a.clock.advance(0);
    const slow = heldBack();
    if (isClaiming) a.store.on("claim", slow.fault, 1);
    const jobId = await a.queue.enqueue("controlled", 0);
    await turns();
    await b.queue.cancel(jobId);
    tell({ kind: "cancelled", ids: [], isAfterGap: true });
    await turns();
    slow.release();
    await turns(10);
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "job_cancelled", jobId });
  });
});

describe("cancel at an awkward moment", () => {
  test("while the job's outcome is on its way to the store wins or loses as a whole, and is reported once", async () => {
    const { queue, clock, store } = scene();
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    const settle = heldBack({ isBefore: true });
    store.on("settle", settle.fault);
    nth(runs, 0).complete("done");
    await turns();
    expect(settle.waiting).toBe(1);
    expect(await task.cancel(jobId)).toBe(true);
    await turns();
    settle.release();
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "cancelled", result: null });
    expect(told.map(({ name }) => name)).toEqual(["enqueued", "started", "cancelled"]);
  });

  test("by another process while the outcome is on its way to the store is reported once by the worker that ran the job, too", async () => {
    const { a, b } = twoWorkers();
    const told = eventsOf(a.queue);
    const { task, runs } = controlled(a.queue);
    const jobId = await task.enqueue(0);
    await a.clock.advance(0);
    const settle = heldBack({ isBefore: true });
    a.store.on("settle", settle.fault);
    nth(runs, 0).complete("done");
    await turns();
    expect(settle.waiting).toBe(1);
    expect(await b.queue.cancel(jobId)).toBe(true);
    await turns();
    settle.release();
    await a.clock.drain();
    expect(told.map(({ name }) => name)).toEqual(["enqueued", "started", "cancelled"]);
    expect(told.at(-1)?.event).toMatchObject({ jobId, isOwn: false });
  });

  test("by another process is not taken for this one's own, even if this one cancelled the job before", async () => {
    const { a, b } = twoWorkers();
    const { task, runs } = controlled(a.queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    const told = eventsOf(a.queue);
    expect(await a.queue.cancel(jobId)).toBe(true);
    expect(await a.queue.retry(jobId)).toBe(true);
    await a.clock.advance(0);
    expect(runs).toHaveLength(1);
    expect(await b.queue.cancel(jobId)).toBe(true);
    await a.clock.advance(0);
    const cancels = told.filter(({ name }) => name === "cancelled");
    expect(cancels.map(({ event }) => event)).toMatchObject([{ isOwn: true }, { isOwn: false }]);
  });

  test("while the claim's reply is on its way keeps the handler from being called, and is reported once", async () => {
    const { queue, clock, store } = scene();
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue);
    await clock.advance(0);
    const claim = heldBack();
    store.on("claim", claim.fault);
    const jobId = await task.enqueue(0);
    await turns();
    expect(claim.waiting).toBe(1);
    expect((await resultOf(queue, jobId)).status).toBe("running");
    expect(await task.cancel(jobId)).toBe(true);
    claim.release();
    await clock.drain();
    expect(runs).toEqual([]);
    expect((await resultOf(queue, jobId)).status).toBe("cancelled");
    expect(told.map(({ name }) => name)).toEqual(["enqueued", "cancelled"]);
  });

  test("while the signal that hands the job over is on its way keeps the handler from being called, and is reported once", async () => {
    const { queue, clock, claims, handOver } = handingOver({ claim: async () => ({ jobs: [], nextDueMs: null }) });
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue);
    await clock.advance(0);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    const tell = await handOver(claims.at(-1)?.offer as string);
    expect(await task.cancel(jobId)).toBe(true);
    tell();
    await clock.drain();
    expect(runs).toEqual([]);
    expect(told.map(({ name }) => name)).toEqual(["enqueued", "cancelled"]);
  });

  test("followed by a retry by hand while a claim is on its way lets the job run", async () => {
    const { queue, clock, store } = scene();
    const { task, runs } = controlled(queue);
    await clock.advance(0);
    const first = heldBack({ isBefore: true });
    store.on("claim", first.fault);
    const jobId = await task.enqueue(0);
    await turns();
    await task.cancel(jobId);
    await queue.retry(jobId);
    first.release();
    await clock.advance("1s");
    nth(runs, 0).complete("ran");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", attempts: 1 });
    expect((await queue.getDetails(jobId))?.losses).toBe(0);
  });

  test("answered only after the job was retried by hand and claimed again does not abort the new attempt", async () => {
    const { queue, clock, store, task, runs, jobId } = await runningJob();
    const told = cancelsTold(queue);
    const slow = heldBack();
    store.on("cancel", slow.fault);
    const cancelling = task.cancel(jobId);
    await turns();
    expect(await queue.retry(jobId)).toBe(true);
    await turns();
    slow.release();
    expect(await cancelling).toBe(true);
    await clock.advance(0);
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "job_cancelled" });
    for (const { complete } of runs) complete("ran");
    await clock.drain();
    expect(nth(runs, 1).job.signal.aborted).toBe(false);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", attempts: 2 });
    expect([...told]).toEqual([[jobId, 1]]);
  });

  test("whose reply is lost takes effect all the same, and aborts the handler's signal", async () => {
    const { queue, store, task, runs, jobId } = await runningJob();
    const told = eventsOf(queue);
    store.on("cancel", losesReply(), 1);
    await expect(task.cancel(jobId)).rejects.toThrow("away");
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "job_cancelled" });
    expect(await task.cancel(jobId)).toBe(false);
    expect(told).toEqual([{ name: "cancelled", event: { jobId, task: "controlled", isOwn: true } }]);
  });

  test("called many times at once returns true exactly once, for a running, a waiting and a delayed job", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const told = cancelsTold(queue);
    const { task } = controlled(queue);
    const ids = await task.enqueueMany([1, 2]);
    ids.push(await task.enqueue(3, { delay: "1h" }));
    await clock.advance(0);
    for (const jobId of ids) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => task.cancel(jobId)));
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(told.get(jobId)).toBe(1);
    }
  });

  test("called together with another that is refused is reported once", async () => {
    const { queue, clock, jobId } = await runningJob();
    const told = eventsOf(queue);
    const calls = [queue.cancel(jobId, { task: "another" }), queue.cancel(jobId)];
    expect(await Promise.all(calls)).toEqual([false, true]);
    await clock.advance(0);
    expect(told).toEqual([{ name: "cancelled", event: { jobId, task: "controlled", isOwn: true } }]);
  });

  test("called together with another process's is reported as its own only by the one that cancelled the job", async () => {
    const { a, b } = twoWorkers();
    const { task } = controlled(a.queue);
    const jobId = await task.enqueue(0);
    await a.clock.advance(0);
    const [toldA, toldB] = [eventsOf(a.queue), eventsOf(b.queue)];
    const late = heldBack({ isBefore: true });
    a.store.on("cancel", late.fault);
    const refused = a.queue.cancel(jobId);
    expect(await b.queue.cancel(jobId)).toBe(true);
    await turns();
    late.release();
    expect(await refused).toBe(false);
    const cancelled = (isOwn: boolean) => ({ name: "cancelled", event: { jobId, task: "controlled", isOwn } });
    expect([toldA, toldB]).toEqual([[cancelled(false)], [cancelled(true)]]);
  });

  test("from within the job's own handler works", async () => {
    const { queue, clock } = scene();
    let answer: boolean | undefined;
    const task = background({ queue }, async function suicidal(_: undefined, job) {
      answer = await queue.cancel(job.id);
      job.signal.throwIfAborted();
    });
    const jobId = await task.enqueue();
    await clock.drain();
    expect(answer).toBe(true);
    expect((await resultOf(queue, jobId)).status).toBe("cancelled");
  });
});

describe("what cancel returns", () => {
  test("false for a job that is done, whatever its outcome, and nothing changes", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    const ids = (await task.enqueueMany([1, 2, 3])) as [string, string, string];
    await clock.advance(0);
    nth(runs, 0).complete();
    nth(runs, 1).fail(new Error("no"));
    await task.cancel(ids[2]);
    nth(runs, 2).complete();
    await clock.drain();
    for (const id of ids) {
      const before = await resultOf(queue, id);
      expect(await task.cancel(id)).toBe(false);
      expect(await resultOf(queue, id)).toEqual(before);
    }
  });

  test("false for an unknown id, a malformed one, and another task's job", async () => {
    const { queue, clock } = scene();
    const { task } = controlled(queue);
    const other = background({ queue }, async function other() {});
    const jobId = await task.enqueue(0, { delay: "1h" });
    for (const id of [newJobId(), "no id", "", jobId.toUpperCase(), 7 as never, undefined as never])
      expect(await task.cancel(id)).toBe(false);
    expect(await other.cancel(jobId)).toBe(false);
    expect(await queue.cancel(jobId, { task: "other" })).toBe(false);
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).status).toBe("pending");
    expect(await queue.cancel(jobId, { task: "controlled" })).toBe(true);
  });

  test("by is kept with the job, truncated to 1 KiB", async () => {
    const { queue } = scene();
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    await task.cancel(jobId, { by: `ada ${"x".repeat(5_000)}` });
    const { cancelledBy } = (await queue.getDetails(jobId)) as { cancelledBy: string };
    expect(cancelledBy).toMatch(/^ada x/);
    expect(Buffer.byteLength(cancelledBy)).toBeLessThanOrEqual(1_024);
  });

  test("an unknown option is an error, not ignored", async () => {
    const { queue } = scene();
    await expect(queue.cancel(newJobId(), { who: "ada" } as never)).rejects.toMatchObject({ code: "invalid_option" });
  });
});
