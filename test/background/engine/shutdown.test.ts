import { background, InMemoryQueue, type JobQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { ClaimRequest } from "../../../src/background/core/store.ts";
import { away, heldBack, type Method, rejects } from "./faulty-store.ts";
import { controlled, eventsOf, nth, resultOf, scene, turns, twoWorkers } from "./scene.ts";

/** Whether the promise is settled after a few turns. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  promise.then(end, end);
  await turns();
  return isOver;
}

/** A worker on a store that outlives it, with one running job; `look` reads it through another queue. */
async function running(options: Parameters<typeof twoWorkers>[0] = {}) {
  const { a, b } = twoWorkers(options);
  const { task, runs } = controlled(a.queue);
  const jobId = await task.enqueue(0);
  await a.clock.advance(0);
  return { ...a, task, runs, jobId, look: () => resultOf(b.queue, jobId) };
}

describe("close()", () => {
  test("waits for running jobs, and starts no others", async () => {
    const { queue, runs, task, look } = await running({ concurrency: 1 });
    await task.enqueue(1);
    const closing = queue.close({ grace: "10s" });
    expect(await isSettled(closing)).toBe(false);
    nth(runs, 0).complete("in time");
    await closing;
    expect(await look()).toMatchObject({ status: "completed", result: "in time" });
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    expect(runs).toHaveLength(1);
  });

  test("aborts signals when the grace is over, and hands back, uncounted, the attempts that end for that reason", async () => {
    const { queue, runs, look } = await running();
    const { signal } = nth(runs, 0).job;
    signal.addEventListener("abort", () => nth(runs, 0).fail(signal.reason));
    const { startedAt } = await look();
    await queue.close({ grace: 20 });
    expect(signal.reason).toMatchObject({ code: "shutting_down", task: "controlled" });
    const job = await look();
    expect(job).toMatchObject({ status: "pending", attempts: 0, error: null, errors: [] });
    expect(job.startedAt).toEqual(startedAt);
    expect(job.startedAt).not.toBeNull();
  });

  test("keeps what a handler returns after its signal was aborted", async () => {
    const { queue, runs, look } = await running();
    const { signal } = nth(runs, 0).job;
    signal.addEventListener("abort", () => nth(runs, 0).complete("rounded off"));
    await queue.close({ grace: 20 });
    expect(await look()).toMatchObject({ status: "completed", result: "rounded off" });
  });

  test("hands back a job whose handler ignores its signal, and drops what that returns later", async () => {
    const { queue, runs, look } = await running();
    nth(runs, 0).job.progress(0.5);
    await queue.close({ grace: 20 });
    expect(await look()).toMatchObject({ status: "pending", attempts: 0, progress: { fraction: 0.5 } });
    nth(runs, 0).complete("too late");
    nth(runs, 0).job.log("too late");
    await turns();
    expect((await look()).status).toBe("pending");
  });

  test("gives handlers two seconds to heed their signal, however long the grace was", async () => {
    const { queue, runs, look } = await running();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const closing = queue.close({ grace: "1m" });
    await vi.advanceTimersByTimeAsync(59_900);
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(nth(runs, 0).job.signal.aborted).toBe(true);
    await turns();
    expect((await look()).status).toBe("running");
    await vi.advanceTimersByTimeAsync(200);
    await closing;
    expect(await look()).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("makes a last try to settle what was waiting for its next try", async () => {
    const { queue, runs, store, look } = await running();
    store.on("settle", rejects(), 1);
    nth(runs, 0).complete("after all");
    await turns();
    expect((await look()).status).toBe("running");
    await queue.close({ grace: 0 });
    expect(await look()).toMatchObject({ status: "completed", result: "after all" });
  });

  test("goes on trying if that fails, however long the store was away before", async () => {
    const { queue, clock, runs, store, look } = await running();
    store.on("settle", rejects());
    nth(runs, 0).complete("after all");
    await clock.advance("1m");
    store.on("settle", rejects(), 2);
    const { settle } = store.calls;
    const closing = queue.close({ grace: 0 });
    await vi.waitUntil(() => store.calls.settle > settle);
    await clock.advance("300ms");
    await closing;
    expect(await look()).toMatchObject({ status: "completed", result: "after all" });
  });

  test("emits released for each job that it hands back, and not for those that end", async () => {
    const { queue, runs, task, jobId, clock } = await running();
    const other = await task.enqueue(1);
    await clock.advance("5s");
    const told = eventsOf(queue);
    nth(runs, 1).job.signal.addEventListener("abort", () => nth(runs, 1).complete("rounded off"));
    await queue.close({ grace: 20 });
    expect(told).toEqual([
      { name: "completed", event: { jobId: other, task: "controlled", attempt: 1, durationMs: 5_000 } },
      { name: "released", event: { jobId, task: "controlled", attempt: 1, durationMs: 5_000 } },
    ]);
  });

  test("hands back a job that it is given while already stopping, without an event", async () => {
    const { a, b } = twoWorkers();
    const { task, runs } = controlled(a.queue);
    await a.clock.advance(0);
    const told = eventsOf(a.queue);
    const claim = heldBack();
    a.store.on("claim", claim.fault, 1);
    const jobId = await task.enqueue(0);
    await turns();
    expect(claim.waiting).toBe(1);
    const stopping = a.queue.stop();
    claim.release();
    await stopping;
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "pending", attempts: 0 });
    expect(runs).toEqual([]);
    expect(told.map(({ name }) => name)).toEqual(["enqueued"]);
  });

  test("events say how long a job ran by its worker's clock, whatever the store's clock is", async () => {
    const clock = new ManualClock(new Date("2026-06-01"));
    const { a } = twoWorkers();
    const { queue } = scene({ clock, on: a.store, isDurable: true });
    const { task, runs } = controlled(queue, { name: "elsewhere", maxRetries: 0 });
    const told = eventsOf(queue);
    await task.enqueue(1);
    await clock.advance("5s");
    nth(runs, 0).complete();
    await clock.advance(0);
    expect(told.at(-1)).toMatchObject({ name: "completed", event: { durationMs: 5_000 } });
  });

  test("makes one more, empty claim after a claim that failed, so that the store can hand back what that took", async () => {
    for (const isLostBefore of [true, false]) {
      const { queue, clock, store } = scene({ lease: "30s" });
      const { task } = controlled(queue);
      await clock.advance(0);
      const asked: ClaimRequest[] = [];
      const gate = Promise.withResolvers<void>();
      store.on("claim", async (call, [request]) => {
        asked.push(request as ClaimRequest);
        await call();
        if (asked.length > 1) return { jobs: [], nextDueMs: null };
        await gate.promise;
        throw new Error("the answer was lost");
      });
      await task.enqueue(0);
      await turns();
      expect(asked).toMatchObject([{ limit: 10 }]);
      if (isLostBefore) gate.resolve();
      await turns();
      const stopped = queue.stop();
      await turns();
      gate.resolve();
      await stopped;
      expect(asked).toMatchObject([{ limit: 10 }, { limit: 0, lostLimit: 0, lanes: [] }]);
    }
  });

  test("a job that was handed back runs elsewhere as the same attempt", async () => {
    const { a, b } = twoWorkers();
    controlled(a.queue);
    const jobId = await a.queue.enqueue("controlled", 0);
    await a.clock.advance(0);
    const there = controlled(b.queue, { maxRetries: 0 });
    await b.clock.advance(0);
    await a.queue.close({ grace: 0 });
    await b.clock.advance("1s");
    expect(nth(there.runs, 0).job).toMatchObject({ id: jobId, attempt: 1 });
    nth(there.runs, 0).complete();
    await b.clock.drain();
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "completed", attempts: 1 });
  });

  test("keeps leases while it waits", async () => {
    const { queue, clock, runs, store } = await running({ lease: "30s" });
    const closing = queue.close({ grace: "10s" });
    const before = store.calls.heartbeat;
    await clock.advance("5m");
    expect(store.calls.heartbeat - before).toBeGreaterThanOrEqual(30);
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    nth(runs, 0).complete();
    await closing;
  });

  test("returns the same promise however often it is called, and resolves `closed`", async () => {
    const { queue } = scene();
    const first = queue.close();
    expect(queue.close({ grace: 5 })).toBe(first);
    await Promise.all([first, queue.closed]);
    await queue.close();
  });

  test("lets a running handler enqueue meanwhile", async () => {
    const { a, b } = twoWorkers();
    const { promise, resolve } = Promise.withResolvers<void>();
    let next = "";
    const task = background({ queue: a.queue }, async function first() {
      await promise;
      next = await a.queue.enqueue("second", 2);
      await a.queue.getResult(next);
    });
    const jobId = await task.enqueue();
    await a.clock.advance(0);
    const closing = a.queue.close();
    await turns();
    resolve();
    await closing;
    expect((await resultOf(b.queue, jobId)).status).toBe("completed");
    expect((await resultOf(b.queue, next)).status).toBe("pending");
  });

  test.each<[string, (queue: JobQueue) => Promise<string | string[]>]>([
    ["one", (queue) => queue.enqueue("any", 1)],
    ["many, to the last page", (queue) => queue.enqueueMany("any", Array.from({ length: 1_001 }))],
  ])("waits for enqueues in flight: %s", async (_, enqueue) => {
    const { a, b } = twoWorkers({ worker: false });
    await a.queue.ready();
    const slow = heldBack();
    a.store.on("enqueue", slow.fault);
    const enqueued = enqueue(a.queue);
    await turns();
    const closing = a.queue.close();
    expect(await isSettled(closing)).toBe(false);
    slow.release();
    const ids = [await enqueued].flat();
    await closing;
    expect((await resultOf(b.queue, ids.at(-1) as string)).status).toBe("pending");
    expect((await b.queue.counts()).byStatus.pending).toBe(ids.length);
  });

  test.each<[string, (queue: JobQueue) => Promise<string | string[]>]>([
    ["one", (queue) => queue.enqueue("any", 1)],
    ["many", (queue) => queue.enqueueMany("any", [1, 2])],
  ])("waits for enqueues that wait for the queue to open: %s", async (_, enqueue) => {
    const { a, b } = twoWorkers({ worker: false });
    const slow = heldBack();
    a.store.on("open", slow.fault);
    const enqueued = enqueue(a.queue);
    const closing = a.queue.close();
    expect(await isSettled(closing)).toBe(false);
    slow.release();
    const ids = [await enqueued].flat();
    await closing;
    expect((await b.queue.counts()).byStatus.pending).toBe(ids.length);
  });

  test.each(["cancel", "retry"] as const)("waits for a %s in flight", async (method) => {
    const { a, b } = twoWorkers({ worker: false });
    const jobId = await a.queue.enqueue("any", 1);
    if (method === "retry") await b.queue.cancel(jobId);
    const slow = heldBack();
    a.store.on(method, slow.fault);
    const changed = a.queue[method](jobId);
    await turns();
    const closing = a.queue.close();
    expect(await isSettled(closing)).toBe(false);
    slow.release();
    expect(await changed).toBe(true);
    await closing;
  });

  test("makes later calls fail with queue_closed", async () => {
    const { queue } = scene();
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    await queue.close();
    const calls: (() => Promise<unknown>)[] = [
      () => task.enqueue(1),
      () => task.enqueueMany([1]),
      () => task.getResult(jobId),
      () => task.cancel(jobId),
      () => task.wait(jobId),
      () => queue.getResult(jobId),
      () => queue.getDetails(jobId),
      () => queue.retry(jobId),
      () => queue.listJobs(),
      () => queue.counts(),
      () => queue.ready(),
      () => queue.start(),
    ];
    for (const call of calls) await expect(call(), String(call)).rejects.toMatchObject({ code: "queue_closed" });
    expect(await queue.health()).toMatchObject({ isHealthy: false, error: expect.stringContaining("closed") });
    await queue.stop();
  });

  test("refuses an invalid grace, and can be called again", async () => {
    const { queue } = scene();
    for (const grace of [Number.NaN, -1, "soon"] as never[])
      await expect(queue.close({ grace })).rejects.toMatchObject({ code: "invalid_option" });
    await queue.ready();
    await queue.close();
    await expect(queue.ready()).rejects.toMatchObject({ code: "queue_closed" });
  });

  test("happens at the end of `await using`", async () => {
    let queue: InMemoryQueue;
    {
      await using used = new InMemoryQueue();
      queue = used;
      await used.ready();
    }
    await expect(queue.ready()).rejects.toMatchObject({ code: "queue_closed" });
  });

  test("of a queue in memory warns of jobs that are lost with it", async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const clock = new ManualClock();
    for (const unfinished of [0, 2]) {
      const queue = new InMemoryQueue({ clock, logger });
      for (let job = 0; job < unfinished; job++) await queue.enqueue("nobody", job);
      await queue.close();
    }
    expect(logger.warn.mock.calls.map(String)).toEqual([expect.stringMatching(/2 unfinished jobs/)]);
  });
});

describe("stop() and start()", () => {
  test("stop() hands jobs back and start() goes on, any number of times; enqueueing goes on meanwhile", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    for (let round = 0; round < 3; round++) {
      const jobId = await task.enqueue(round);
      await clock.advance(0);
      expect(nth(runs, -1).payload).toBe(round);
      await queue.stop({ grace: 0 });
      const while1 = await task.enqueue("while stopped");
      await clock.advance("1h");
      expect(await resultOf(queue, jobId)).toMatchObject({ status: "pending", attempts: 0 });
      await queue.cancel(jobId);
      await queue.cancel(while1);
      await queue.start();
      await clock.advance(0);
    }
    expect(runs).toHaveLength(3);
  });

  test.each(["stop", "close"] as const)("a %s() with less grace shortens the wait of earlier calls", async (method) => {
    const { queue, runs, look } = await running();
    const stopping = queue.stop({ grace: "1h" });
    expect(await isSettled(stopping)).toBe(false);
    const later = queue[method]({ grace: "1h" });
    expect(await isSettled(later)).toBe(false);
    await queue[method]({ grace: 0 });
    await Promise.all([stopping, later]);
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "shutting_down" });
    expect(await look()).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("a call with more grace than is left does not extend it", async () => {
    const { queue, runs } = await running();
    const stopping = queue.stop({ grace: 20 });
    await Promise.all([stopping, queue.stop({ grace: "1h" }), queue.close({ grace: "1h" })]);
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "shutting_down" });
  });

  test.each(["start", "stop and start"])("a close() right after %s wins: no worker is left behind", async (calls) => {
    const { queue, clock, store, errors } = scene();
    const { task, runs } = controlled(queue);
    await task.enqueue(1);
    await clock.advance(0);
    const stopping = calls === "start" ? undefined : queue.stop({ grace: 0 });
    const starting = queue.start();
    const closing = queue.close({ grace: 0 });
    await Promise.all([stopping, starting, closing]);
    const { claim, open } = store.calls;
    nth(runs, 0).complete();
    await clock.advance("1m");
    expect({ errors, claim: store.calls.claim, open: store.calls.open }).toEqual({ errors: [], claim, open });
  });

  test("start() while the queue closes leaves nothing running", async () => {
    const { queue, runs, task, store, clock } = await running();
    const closing = queue.close();
    await turns();
    await task.enqueue("more");
    const starting = queue.start();
    nth(runs, 0).complete();
    await Promise.all([starting, closing]);
    const { claim, heartbeat } = store.calls;
    await clock.advance("1m");
    expect(store.calls).toMatchObject({ claim, heartbeat });
    expect(runs).toHaveLength(1);
  });

  test("tasks that attach while the queue is stopped wait for start()", async () => {
    const { queue, clock } = scene();
    await queue.stop();
    const { task, runs } = controlled(queue);
    await task.enqueue(1);
    await clock.advance("1h");
    expect(runs).toEqual([]);
    await queue.start();
    await clock.advance(0);
    expect(runs).toHaveLength(1);
  });

  test("start() while the queue stops takes effect once it has stopped; calling stop() twice stops once", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await task.enqueue(1);
    await clock.advance(0);
    const stopping = [queue.stop(), queue.stop()];
    const starting = queue.start();
    expect(await isSettled(starting)).toBe(false);
    nth(runs, 0).complete();
    await Promise.all([...stopping, starting]);
    await task.enqueue(2);
    await clock.advance(0);
    expect(nth(runs, 1).payload).toBe(2);
  });

  test("start() while the queue works changes nothing", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await Promise.all([queue.start(), queue.start()]);
    await queue.start();
    await task.enqueue(1);
    await clock.advance(0);
    expect(runs).toHaveLength(1);
    expect((await queue.health()).workers).toHaveLength(1);
  });

  test("start() with some tasks runs only their jobs, also those of tasks made later, until the next start()", async () => {
    const { queue, clock } = scene();
    const ran: string[] = [];
    const made = (name: string) => background({ queue, name }, async () => void ran.push(name));
    const a = made("a");
    await queue.start({ tasks: ["a", "late"] });
    const others = [made("b"), made("late")];
    for (const task of [a, ...others]) await task.enqueue(undefined);
    await clock.advance("1m");
    expect(ran.sort()).toEqual(["a", "late"]);
    expect((await queue.health()).workers).toMatchObject([{ tasks: ["a", "late"] }]);
    expect(queue.taskNames).toEqual(["a", "b", "late"]);
    await queue.stop();
    await queue.start();
    await clock.advance(0);
    expect(ran.sort()).toEqual(["a", "b", "late"]);
  });

  test("start() with some tasks selects them for the start that is under way, and is refused once the queue works", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await task.enqueue(1);
    await queue.start({ tasks: ["other"] });
    await clock.advance("1m");
    expect(runs).toEqual([]);
    const refusal = { code: "invalid_option", message: expect.stringMatching(/working already: stop\(\) it/) };
    await expect(queue.start({ tasks: [task.name] })).rejects.toMatchObject(refusal);
    await queue.start();
    await clock.advance("1m");
    expect(runs).toEqual([]);
    const stopping = queue.stop();
    await Promise.all([stopping, queue.start({ tasks: [task.name] })]);
    await clock.advance(0);
    expect(runs).toHaveLength(1);
  });

  test.each<Method>(["open", "subscribe"])(
    "stop() while the start hangs in %s is bounded, and the worker does not start after it",
    async (method) => {
      const { queue, clock, store } = scene();
      const slow = heldBack();
      let subscribed = 0;
      store.on("open", method === "open" ? slow.fault : (call) => call());
      store.on("subscribe", async (call, args) => {
        const end = (await (method === "subscribe" ? slow.fault(call, args) : call())) as () => void;
        subscribed++;
        return () => {
          subscribed--;
          end();
        };
      });
      const { runs } = controlled(queue);
      await turns();
      expect(slow.waiting).toBe(1);
      await queue.stop();
      slow.release();
      await queue.enqueue("controlled", 1);
      await clock.advance("1m");
      expect(runs).toEqual([]);
      expect(subscribed).toBe(0);
      await queue.start();
      await clock.advance(0);
      expect(runs).toHaveLength(1);
    },
  );

  test.each(["the next try is due", "a try is under way"])(
    "stop() while the store is away and %s ends the tries to start",
    async (moment) => {
      const { queue, clock, store } = scene();
      store.on("open", rejects());
      const { runs } = controlled(queue);
      await clock.advance("10s");
      const last = heldBack({ isBefore: true });
      store.on("open", (_, args) => last.fault(() => Promise.reject(away), args));
      if (moment === "a try is under way") {
        clock.set(clock.now() + 5_000);
        await clock.drain({ timeout: 0 }).catch(() => {});
        expect(last.waiting).toBe(1);
      }
      const stopped = queue.stop();
      await turns();
      last.release();
      await stopped;
      const { open } = store.calls;
      await clock.advance("1m");
      expect(store.calls.open).toBe(open);
      store.heal();
      await queue.enqueue("controlled", 1);
      await queue.start();
      await clock.advance(0);
      expect(runs).toHaveLength(1);
    },
  );

  test("a start() that a stop() overtakes resolves, and starts no worker", async () => {
    const { queue, clock, store } = scene();
    const slow = heldBack();
    store.on("open", slow.fault);
    const starting = queue.start();
    await turns();
    const stopping = queue.stop();
    slow.release();
    await Promise.all([starting, stopping]);
    const { runs } = controlled(queue);
    await queue.enqueue("controlled", 1);
    await clock.advance("1m");
    expect(runs).toEqual([]);
  });

  test("a queue with worker: false never works, even when it is started, and opens its store only if it must", async () => {
    const { queue, clock, store } = scene({ worker: false });
    const { task, runs } = controlled(queue);
    await turns();
    expect(store.calls.open).toBe(0);
    await queue.start();
    await task.enqueue(1);
    await clock.advance("1h");
    expect(runs).toEqual([]);
  });
});
