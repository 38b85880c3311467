import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { background, InMemoryQueue, newJobId } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { MAX_CALL_BYTES } from "../../../src/background/core/limits.ts";
import type { PruneRequest } from "../../../src/background/core/store.ts";
import { EarlyCancels } from "../../../src/background/engine/early-cancels.ts";
import { heldBack } from "./faulty-store.ts";
import { controlled, type Running, resultOf, scene, turns } from "./scene.ts";

const DAY = 86_400_000;
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("retention", () => {
  test("keeps finished jobs for its age, seven days by default", async () => {
    const clock = new ManualClock();
    await using queue = new InMemoryQueue({ clock });
    const task = background({ queue }, async function kept() {});
    const jobId = await task.enqueue();
    await clock.drain();
    clock.set(clock.now() + 6.9 * DAY);
    await clock.advance("5m");
    expect((await resultOf(queue, jobId)).status).toBe("completed");
    clock.set(clock.now() + 0.1 * DAY);
    await clock.advance("5m");
    expect(await queue.getResult(jobId)).toBe(null);
  });

  test("keeps the newest completed jobs, as many as its count", async () => {
    const { queue, clock } = scene({ retention: { count: 5 } });
    const task = background({ queue }, async function counted(n: number) {
      return n;
    });
    await task.enqueueMany(numbers(50));
    await clock.advance("1m");
    expect((await queue.listJobs()).map((job) => job.result)).toEqual([49, 48, 47, 46, 45]);
  });

  test("counts failed and cancelled jobs separately, so that successes never push them out", async () => {
    const { queue, clock } = scene({ retention: { count: 2 } });
    const task = background({ queue, maxRetries: 0 }, async function mixed(n: number) {
      if (n < 0) throw new Error("no");
    });
    const failed = await task.enqueue(-1);
    await clock.drain();
    const cancelled = await task.enqueue(1, { delay: "1h" });
    await task.cancel(cancelled);
    await task.enqueueMany(numbers(2_500));
    await clock.advance("5m");
    expect((await queue.counts()).byStatus).toMatchObject({ completed: 2, failed: 1, cancelled: 1 });
    expect((await resultOf(queue, failed)).status).toBe("failed");
  });

  test("is not postponed by a steady stream of jobs", async () => {
    const { queue, clock } = scene({ retention: { count: 10 } });
    const task = background({ queue }, async function steady() {});
    for (let round = 0; round < 60; round++) {
      await task.enqueueMany(numbers(10).map(() => undefined));
      await clock.advance("500ms");
    }
    expect((await queue.counts()).byStatus.completed).toBeLessThanOrEqual(50);
  });

  test("does not wait for the second to end when thousands of jobs finish within it", async () => {
    const { queue, clock } = scene({ retention: { count: 10 } });
    const task = background({ queue }, async function burst() {});
    await task.enqueueMany(numbers(5_000).map(() => undefined));
    await clock.drain();
    expect((await queue.counts()).byStatus.completed).toBeLessThanOrEqual(1_010);
  });

  test("of a process that runs no jobs is not applied, even if its queue is started, as by a server", async () => {
    const { queue, clock } = scene({ worker: false, retention: { count: 1 } });
    const ids = await queue.enqueueMany("elsewhere", numbers(3));
    for (const id of ids) await queue.cancel(id);
    await queue.start();
    await clock.advance("5m");
    expect((await queue.counts()).byStatus.cancelled).toBe(3);
    expect(await queue.prune()).toBe(2);
  });

  test("is applied by one call at a time, which is the last one if the queue is closed meanwhile", async () => {
    const { queue, clock, store } = scene({ retention: { count: 0 }, concurrency: 3_000, isDurable: true });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(numbers(3_000));
    await clock.advance(0);
    const sweep = heldBack();
    // As if there were always more to remove.
    store.on("prune", (call, [request]) => sweep.fault(call, []).then(() => (request as PruneRequest).limit));
    for (const part of [runs.slice(0, 1_000), runs.slice(1_000, 2_000)]) {
      for (const run of part) run.complete();
      await turns();
    }
    expect(store.calls.prune).toBe(1);
    const closing = queue.close();
    for (const run of runs.slice(2_000)) run.complete();
    sweep.release();
    await closing;
    await clock.advance("5m");
    expect(store.calls.prune).toBe(1);
  });

  test("false keeps everything", async () => {
    const { queue, clock } = scene({ retention: false });
    const task = background({ queue }, async function forever() {});
    const jobId = await task.enqueue();
    await clock.drain();
    clock.set(clock.now() + 10_000 * DAY);
    await clock.advance("5m");
    expect((await resultOf(queue, jobId)).status).toBe("completed");
  });

  test("never touches unfinished jobs", async () => {
    const { queue, clock } = scene({ retention: { age: 0, count: 0 } });
    const { task } = controlled(queue);
    const delayed = await task.enqueue(0, { delay: "2d" });
    const running = await task.enqueue(1);
    await clock.advance("1h");
    expect((await resultOf(queue, delayed)).status).toBe("pending");
    expect((await resultOf(queue, running)).status).toBe("running");
  });
});

describe("prune()", () => {
  const finished = async (completed: number, failed: number) => {
    const made = scene({ retention: false });
    const task = background({ queue: made.queue, maxRetries: 0 }, async function mixed(n: number) {
      if (n < 0) throw new Error("no");
    });
    await task.enqueueMany(numbers(completed));
    await task.enqueueMany(numbers(failed).map(() => -1));
    await made.clock.drain();
    return { ...made, counts: async () => (await made.queue.counts()).byStatus };
  };

  test("removes jobs that finished longer ago than the age, and returns how many", async () => {
    const { queue, clock, counts } = await finished(3, 2);
    await clock.advance("1h");
    await queue.enqueueMany("mixed", [1, 2]);
    await clock.drain();
    expect(await queue.prune({ age: "2h" })).toBe(0);
    expect(await queue.prune({ age: "30m" })).toBe(5);
    expect(await counts()).toMatchObject({ completed: 2, failed: 0 });
  });

  test("with an age of 0 removes all finished jobs, even those that finished at this very moment", async () => {
    const { queue } = await finished(2, 1);
    expect(await queue.prune({ age: 0, status: "failed" })).toBe(1);
    expect(await queue.prune({ age: "0s", count: 100 })).toBe(2);
  });

  test("keeps the newest jobs of each status, and touches one status alone if asked", async () => {
    const { queue, counts } = await finished(10, 5);
    expect(await queue.prune({ count: 3, status: "failed" })).toBe(2);
    expect(await queue.prune({ count: 4, status: "completed" })).toBe(6);
    expect(await counts()).toMatchObject({ completed: 4, failed: 3 });
    expect(await queue.prune({ count: 0 })).toBe(7);
  });

  test("removes no more than its limit, over as many pages as that takes", async () => {
    const { queue, store, counts } = await finished(4_500, 0);
    const pages: number[] = [];
    store.on("prune", (call, [request]) => {
      pages.push((request as PruneRequest).limit);
      return call();
    });
    expect(await queue.prune({ count: 0, limit: 1 })).toBe(1);
    expect(await queue.prune({ count: 0, limit: 2_000 })).toBe(2_000);
    expect(await queue.prune({ count: 0, limit: 2_300 })).toBe(2_300);
    expect(pages).toEqual([1, 1_000, 1_000, 1_000, 1_000, 300]);
    expect(await queue.prune({ count: 0 })).toBe(199);
    expect(await counts()).toMatchObject({ completed: 0 });
  });

  test("removes at most 100,000 jobs by default, however many more there are", async () => {
    const { queue, store } = scene();
    store.on("prune", async (_call, [request]) => (request as PruneRequest).limit);
    expect(await queue.prune({ count: 0 })).toBe(100_000);
  });

  test("without options applies the queue's retention, and never touches unfinished jobs", async () => {
    const { queue, clock } = scene({ retention: { count: 1 } });
    const task = background({ queue }, async function brief() {});
    await task.enqueue(undefined, { delay: "1h" });
    await task.enqueueMany([undefined, undefined, undefined]);
    await clock.drain();
    expect(await queue.prune()).toBe(2);
    expect(await queue.prune()).toBe(0);
    expect(await queue.prune({ count: 0 })).toBe(1);
    expect((await queue.counts()).byStatus.pending).toBe(1);
  });

  test("is never called by a closed queue, even when a task attaches to it", async () => {
    const { queue, clock, store, errors } = scene({ isDurable: true });
    await queue.ready();
    await queue.close();
    controlled(queue);
    await clock.advance("10m");
    expect({ errors, prunes: store.calls.prune }).toEqual({ errors: [], prunes: 0 });
  });

  test.each([
    [{ age: -1 }, "age of prune()"],
    [{ count: 1.5 }, "count of prune()"],
    [{ limit: 0 }, "limit of prune()"],
    [{ status: "cancelled" }, "which means failed and cancelled jobs together"],
    [{ older: 1 }, "'older' is not one of the options of prune()"],
  ])("refuses %j and says why", async (options, sentence) => {
    const { queue } = scene();
    await expect(queue.prune(options as never)).rejects.toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining(sentence),
    });
  });
});

describe("nothing grows", () => {
  test("after many jobs and waits the queue takes no more memory than before", async () => {
    const { queue, clock } = scene({ retention: { age: "1s", count: 10 }, concurrency: 100 });
    const task = background({ queue, backoff: 0, maxRetries: 1 }, async function churned(n: number, job) {
      job.log("line");
      if (n % 3 === 0) throw new Error("no");
      return "x".repeat(100);
    });
    const round = async () => {
      const ids = await task.enqueueMany(numbers(1_000));
      const waits = ids.slice(0, 50).map((id) => task.wait(id));
      await Promise.all(ids.slice(-50).map((id) => task.cancel(id)));
      await Promise.all(ids.slice(50, 70).map((id) => task.getResult(id)));
      await clock.advance("5s");
      await Promise.all(waits);
      await clock.advance("5m");
      expect((await queue.listJobs()).length).toBeLessThanOrEqual(20);
    };
    const used = () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    for (let warm = 0; warm < 3; warm++) await round();
    const before = used();
    for (let count = 0; count < 6; count++) await round();
    expect((used() - before) / 6_000).toBeLessThan(150);
  }, 20_000);

  test("a worker whose slots stay taken does not remember cancelled jobs on account of offers that have ended", async () => {
    const { queue, clock, store } = scene({ isDurable: true, concurrency: 1 });
    Object.assign(store, { handsOver: true });
    const { task, runs } = controlled(queue);
    const jobs = await task.enqueueMany(numbers(10));
    await clock.advance("10s");
    expect(runs).toHaveLength(1);
    const remembered = vi.spyOn(EarlyCancels.prototype, "cancelled");
    onTestFinished(() => remembered.mockRestore());
    for (const jobId of jobs.slice(1)) expect(await task.cancel(jobId)).toBe(true);
    expect(remembered).not.toHaveBeenCalled();
  });

  test("jobs that were removed are garbage-collected", async () => {
    const { queue, clock } = scene({ retention: { count: 0 } });
    const gone: WeakRef<object>[] = [];
    const task = background({ queue }, async function forgotten(_: undefined, job) {
      gone.push(new WeakRef(job));
      void job.signal;
    });
    for (let n = 0; n < 20; n++) await task.enqueue();
    await clock.advance("5m");
    await new Promise((resolve) => setTimeout(resolve, 5));
    collectGarbage();
    expect(gone).toHaveLength(20);
    expect(gone.filter((ref) => ref.deref() !== undefined).length).toBeLessThanOrEqual(1);
  });
});

describe("limits", () => {
  test("a payload that is too large is refused, and nothing is stored", async () => {
    const { queue } = scene({ limits: { payload: 1_000 } });
    const { task } = controlled(queue);
    await expect(task.enqueue("x".repeat(1_000))).rejects.toMatchObject({ code: "payload_too_large" });
    await expect(task.enqueueMany(["fine", "x".repeat(1_000)])).rejects.toMatchObject({ code: "payload_too_large" });
    expect(await queue.listJobs()).toEqual([]);
    await task.enqueue("x".repeat(998));
  });

  test("the payload's limit is 1 MiB by default", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    await task.enqueue("x".repeat(1_048_574));
    await expect(task.enqueue("x".repeat(1_048_575))).rejects.toMatchObject({ code: "payload_too_large" });
  });

  test.each<[string, unknown, string]>([
    ["that is too large", "x".repeat(1_000), "takes 1002 bytes, and the limit is 1000"],
    ["that cannot be serialized", { deep: [() => {}] }, "result.deep[0]"],
  ])("a result %s fails the job for good, without a retry", async (_, result, message) => {
    const { queue, clock } = scene({ limits: { result: 1_000 } });
    let attempts = 0;
    const task = background({ queue, maxRetries: 5 }, async function returns() {
      attempts++;
      return result;
    });
    const jobId = await task.enqueue();
    await clock.advance("1h");
    const job = await resultOf(queue, jobId);
    expect(job).toMatchObject({ status: "failed", attempts: 1, result: null });
    expect(job.error).toContain(message);
    expect(attempts).toBe(1);
  });

  test.each<[string, (run: Running) => void]>([
    ["results", (run) => run.complete("x".repeat(30_000))],
    ["errors", (run) => run.fail(new Error("x".repeat(15_000)))],
  ])("jobs that end together with large %s are settled by calls of about a megabyte at most", async (_, end) => {
    const { queue, clock, store } = scene({ concurrency: 100 });
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    await task.enqueueMany(numbers(100));
    await clock.advance(0);
    const sizes: number[] = [];
    store.on("settle", (call, [settlements]) => {
      sizes.push(JSON.stringify(settlements).length);
      return call();
    });
    for (const run of runs) end(run);
    await clock.drain();
    expect(sizes).toHaveLength(3);
    expect(Math.max(...sizes)).toBeLessThan(1.05 * MAX_CALL_BYTES);
  });

  test("a payload that cannot be serialized is refused with the path of the offending value, and nothing is stored", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const error = await task.enqueue({ list: [1, { call: () => {} }] }).catch((error) => error);
    expect(error).toMatchObject({ code: "not_serializable", isInputError: true });
    expect(error.message).toContain("payload.list[1].call");
    expect(await queue.listJobs()).toEqual([]);
    await expect(task.enqueue(Symbol("no"), { id: newJobId() })).rejects.toMatchObject({ code: "not_serializable" });
  });

  test("payload and result are copies: changing the objects afterwards changes nothing", async () => {
    const { queue, clock } = scene();
    const kept = { list: [1] };
    const seen: unknown[] = [];
    const task = background({ queue }, async function copies(payload: { list: number[] }) {
      seen.push(structuredClone(payload));
      payload.list.push(99);
      setImmediate(() => kept.list.push(3));
      return kept;
    });
    const payload = { list: [7] };
    const enqueued = task.enqueue(payload);
    payload.list.push(8);
    const jobId = await enqueued;
    await clock.drain();
    expect(seen).toEqual([{ list: [7] }]);
    const first = (await resultOf(queue, jobId)).result as typeof kept;
    expect(first).toEqual({ list: [1] });
    first.list.push(4);
    expect((await resultOf(queue, jobId)).result).toEqual({ list: [1] });
    expect((await queue.getDetails(jobId))?.payload).toEqual({ list: [7] });
  });
});
