import { AsyncLocalStorage } from "node:async_hooks";
import { background, currentJob, JobError } from "rapidai/background";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { controlled, eventsOf, nth, resultOf, runningJob, scene, turns } from "./scene.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  await turns(3);
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

describe("a handler cannot harm the worker", () => {
  test("one that throws synchronously fails like any other", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, maxRetries: 0 }, function atOnce(): string {
      throw new RangeError("at once");
    });
    const jobId = await task.enqueue();
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "failed", error: "at once" });
  });

  test("one that returns a plain value completes", async () => {
    const { queue, clock } = scene();
    const task = background({ queue }, function sync(a: number) {
      return a + 1;
    });
    const jobId = await task.enqueue(1);
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: 2 });
  });

  test("one whose promise never settles occupies its own slot and no other", async () => {
    const { queue, clock } = scene({ concurrency: 2 });
    const stuck = background({ queue }, function stuck() {
      return new Promise(() => {});
    });
    const fine = background({ queue }, async function fine(n: number) {
      return n;
    });
    await stuck.enqueue();
    const ids = await fine.enqueueMany([1, 2, 3]);
    await clock.advance(0);
    for (const id of ids) expect((await resultOf(queue, id)).status).toBe("completed");
  });

  test("its promise may reject after the attempt has ended", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { timeout: "1s", maxRetries: 0 });
    const jobId = await task.enqueue(0);
    await clock.advance("1s");
    expect((await resultOf(queue, jobId)).status).toBe("failed");
    nth(runs, 0).fail(new Error("too late to matter"));
    await clock.drain();
    expect((await resultOf(queue, jobId)).error).toMatch(/timeout of 1000 ms/);
  });

  test("one that returns a thenable whose then throws fails like any other", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, maxRetries: 0 }, function thenable(): PromiseLike<string> {
      return {
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        get then(): never {
          throw new Error("then, of all things");
        },
      };
    });
    const jobId = await task.enqueue();
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "failed", error: "then, of all things" });
  });

  test("an abort listener that throws does not keep the job from being cancelled", async () => {
    const thrown: unknown[] = [];
    const onThrow = (error: unknown) => thrown.push(error);
    // EventTarget reports what its listeners throw as uncaught exceptions, with or without this library.
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", onThrow);
    const { queue, task, runs, jobId } = await runningJob();
    nth(runs, 0).job.signal.addEventListener("abort", () => {
      throw new Error("bad abort listener");
    });
    expect(await task.cancel(jobId)).toBe(true);
    await turns();
    process.off("uncaughtException", onThrow);
    for (const other of others) process.on("uncaughtException", other as never);
    expect(thrown).toHaveLength(1);
    expect((await resultOf(queue, jobId)).status).toBe("cancelled");
  });
});

describe("listeners", () => {
  test.each<[string, () => void | Promise<void>]>([
    [
      "throws",
      () => {
        throw new Error("bad listener");
      },
    ],
    ["rejects", () => Promise.reject(new Error("bad listener"))],
  ])("one that %s harms no job, and is reported to error listeners", async (_, listener) => {
    const { queue, clock, errors } = scene();
    for (const name of ["enqueued", "started", "progress", "completed"] as const) queue.on(name, listener);
    const task = background({ queue }, async function told(_: undefined, job) {
      job.progress(0.5);
      return 1;
    });
    const jobId = await task.enqueue();
    await clock.drain();
    expect((await resultOf(queue, jobId)).status).toBe("completed");
    expect(errors.map(String)).toEqual(Array(4).fill("Error: bad listener"));
  });

  test("what an error listener throws is reported to the logger alone", async () => {
    const { InMemoryQueue } = await import("rapidai/background");
    const { ManualClock } = await import("rapidai/testing");
    const clock = new ManualClock();
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    await using queue = new InMemoryQueue({ clock, logger });
    queue.on("error", () => {
      throw new Error("worse");
    });
    queue.on("completed", () => {
      throw new Error("bad");
    });
    const task = background({ queue }, async function logged() {});
    await task.enqueue();
    await clock.drain();
    expect(logger.error.mock.calls.map(([error]) => String(error))).toEqual(["Error: bad", "Error: worse"]);
  });

  test.each([
    ["throws", () => fail()],
    ["rejects", async () => fail()],
  ])("a logger that %s does not disturb the queue", async (_, log) => {
    const { InMemoryQueue } = await import("rapidai/background");
    const { ManualClock } = await import("rapidai/testing");
    const clock = new ManualClock();
    const queue = new InMemoryQueue({ clock, logger: { debug: log, info: log, warn: log, error: log } });
    queue.on("completed", fail);
    const task = background({ queue, backoff: fail, maxRetries: 1 }, async function unlogged(_: undefined, job) {
      if (job.attempt === 1) throw new Error("again");
    });
    const jobId = await task.enqueue();
    await clock.advance("2s");
    expect((await resultOf(queue, jobId)).status).toBe("completed");
    // Closing the queue warns of this one.
    await task.enqueue(undefined, { delay: "1h" });
    await queue.close();
  });
});

describe("timeout", () => {
  test("ends the attempt, aborts its signal, and is a failure that is retried", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { timeout: "3s", maxRetries: 1 });
    const jobId = await task.enqueue(0);
    await clock.advance(2_999);
    const { signal } = nth(runs, 0).job;
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toMatchObject({ code: "attempt_timeout", jobId, task: "controlled" });
    expect(signal.reason).toBeInstanceOf(JobError);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "pending", attempts: 1 });
    await clock.advance("2s");
    nth(runs, 1).complete("in time");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "in time" });
  });

  test("frees the slot even if the handler goes on, and drops what it returns later", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const { task, runs } = controlled(queue, { timeout: "1s", maxRetries: 0 });
    const [late, next] = (await task.enqueueMany([1, 2])) as [string, string];
    await clock.advance("1s");
    expect(runs.map((run) => run.payload)).toEqual([1, 2]);
    nth(runs, 0).complete("late");
    nth(runs, 1).complete("fine");
    await clock.drain();
    expect(await resultOf(queue, late)).toMatchObject({ status: "failed", result: null });
    expect(await resultOf(queue, next)).toMatchObject({ status: "completed", result: "fine" });
  });

  test("ends the attempt once: a handler that ends later is neither counted nor reported again", async () => {
    const { queue, clock } = scene({ concurrency: 5 });
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue, { timeout: "1s", maxRetries: 0, concurrency: 1 });
    await task.enqueueMany([1, 2, 3]);
    await clock.advance("1s");
    nth(runs, 0).complete("late");
    await clock.advance(0);
    expect(runs).toHaveLength(2);
    await clock.advance("1s");
    nth(runs, 1).fail(new Error("late"));
    await clock.advance(0);
    nth(runs, 2).complete("in time");
    await clock.drain();
    const ends = told.filter(({ name }) => name !== "enqueued" && name !== "started").map(({ name }) => name);
    expect(ends).toEqual(["failed", "failed", "completed"]);
  });

  test("does not keep close() waiting for a handler that goes on", async () => {
    const { queue, clock } = scene();
    const { task } = controlled(queue, { timeout: "1s", maxRetries: 0 });
    await task.enqueue(0);
    await clock.advance("1s");
    const begin = performance.now();
    await queue.close();
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  test("does not affect a handler that ends in time", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { timeout: "1s" });
    const jobId = await task.enqueue(0);
    await clock.advance(999);
    nth(runs, 0).complete();
    await clock.drain();
    await clock.advance("1h");
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", attempts: 1 });
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
  });
});

test("a handler does not run in the context of the request that happened to wake its worker", async () => {
  const request = new AsyncLocalStorage<string>();
  const { queue, clock } = scene();
  const seen: unknown[] = [];
  const task = background({ queue }, async function apart() {
    seen.push(request.getStore());
    await turns(1);
    seen.push(request.getStore(), currentJob()?.task);
  });
  await clock.drain();
  await request.run("a request", async () => {
    await task.enqueue();
    await turns(5);
    // Called directly, it is part of the request.
    await task();
  });
  expect(seen.slice(0, 3)).toEqual([undefined, undefined, "apart"]);
  expect(seen.slice(3)).toEqual(["a request", "a request", "apart"]);
});

test("a handler's promise is awaited natively, whatever a then of its own does", async () => {
  const { queue, clock } = scene();
  const task = background({ queue }, function own() {
    const then = (told: (value: string) => void) => told("as it says");
    return Object.assign(Promise.resolve("as it is"), { ["then" as string]: then });
  });
  const jobId = await task.enqueue();
  await clock.drain();
  expect((await resultOf(queue, jobId)).result).toBe("as it is");
});

test("currentJob() is the handler's own job anywhere below that handler", async () => {
  const { queue, clock } = scene();
  const below = async () => {
    await turns(2);
    return currentJob()?.id;
  };
  const task = background({ queue }, async function asks(_: number, job) {
    expect(currentJob()).toBe(job);
    return below();
  });
  const ids = await task.enqueueMany([1, 2, 3]);
  await clock.drain();
  for (const id of ids) expect((await resultOf(queue, id)).result).toBe(id);
  expect(currentJob()).toBeUndefined();
});

test("called directly, a task runs its handler here and now, without a queue", async () => {
  const { queue } = scene();
  const task = background({ queue }, async function direct(n: number, job) {
    job.progress(0.5);
    job.log("said");
    return [n, job.attempt, currentJob()?.task];
  });
  expect(await task(7)).toEqual([7, 1, "direct"]);
  expect(await queue.listJobs()).toEqual([]);
});

function fail(): never {
  throw new Error("disk full");
}
