import { background, JobError, type JobQueue, newJobId } from "rapidai/background";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { away, hangs, heldBack, losesReply, type Method, rejects } from "./faulty-store.ts";
import { controlled, eventsOf, nth, resultOf, runningJob, scene, turns, twoWorkers } from "./scene.ts";

/** A task that counts how often each job's handler was called. */
function counting(queue: ReturnType<typeof scene>["queue"]) {
  const called = new Map<string, number>();
  const task = background({ queue }, async function count(n: number, job) {
    called.set(job.id, (called.get(job.id) ?? 0) + 1);
    return n;
  });
  return { task, called };
}

describe("a store that is away for a while", () => {
  test.each<[Method, ReturnType<typeof rejects>]>([
    ["claim", rejects()],
    ["settle", rejects()],
    ["settle", losesReply()],
    ["heartbeat", rejects()],
    ["heartbeat", losesReply()],
  ])("when %s fails, nothing is lost, nothing runs twice, and the worker goes on by itself", async (method, fault) => {
    const { queue, clock, store } = scene({ concurrency: 5, lease: "10m" });
    const { task, called } = counting(queue);
    const begin = eventsOf(queue);
    await task.enqueueMany([1, 2, 3]);
    await clock.drain();
    store.on(method, fault);
    const ids = await task.enqueueMany(Array.from({ length: 50 }, (_, n) => n));
    await clock.advance("20s");
    store.heal();
    await clock.advance("10s");
    await clock.drain();
    for (const [n, id] of ids.entries()) {
      expect(await resultOf(queue, id)).toMatchObject({ status: "completed", result: n, attempts: 1 });
      expect(called.get(id)).toBe(1);
    }
    expect(begin.filter(({ name }) => name === "completed")).toHaveLength(53);
    expect(begin.some(({ name }) => name === "lost" || name === "retrying")).toBe(false);
  });

  test("when the reply to a claim is lost, its jobs run once their leases have expired, and not before", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { task, called } = counting(queue);
    await clock.advance(0);
    store.on("claim", losesReply(), 1);
    const jobId = await task.enqueue(7);
    await clock.advance("29s");
    expect(called.get(jobId)).toBeUndefined();
    await clock.advance("20s");
    expect(called.get(jobId)).toBe(1);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: 7, attempts: 2 });
  });

  test("is logged once each time it goes away, while error listeners hear of each try", async () => {
    const { queue, clock, store, errors, logged, loggedErrors } = scene();
    const { task } = counting(queue);
    await clock.advance(0);
    for (const times of [1, 2]) {
      store.on("claim", () =>
        Promise.reject(new JobError("queue_unavailable", `no answer within ${2_000 - errors.length} ms`)),
      );
      await task.enqueue(times);
      await clock.advance("50s");
      expect(errors.length).toBeGreaterThan(10 * times);
      expect(loggedErrors).toHaveLength(times);
      store.heal();
      await clock.advance("10s");
      expect(logged).toHaveLength(times);
    }
  });

  test("is tried again with growing waits, not in a tight loop", async () => {
    const { queue, clock, store } = scene();
    const { task } = counting(queue);
    await clock.advance(0);
    store.on("claim", rejects());
    await task.enqueue(1);
    const before = store.calls.claim;
    await clock.advance("1m");
    const tries = store.calls.claim - before;
    expect(tries).toBeGreaterThan(10);
    expect(tries).toBeLessThan(40);
    expect((await queue.listJobs())[0]?.status).toBe("pending");
    store.heal();
    await clock.advance("5s");
    expect((await queue.listJobs())[0]?.status).toBe("completed");
  });

  test("with two settlements in flight is tried again with one at a time, and after a wait", async () => {
    const { queue, clock, store } = scene({ isRemote: true, isDurable: true, concurrency: 40, lease: "1h" });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(Array.from({ length: 40 }));
    await clock.advance(0);
    const lost = heldBack({ isBefore: true });
    store.on("settle", (_, args) => lost.fault(() => Promise.reject(away), args));
    for (const half of [runs.slice(0, 20), runs.slice(20)]) {
      for (const run of half) run.complete();
      await turns();
    }
    expect(lost.waiting).toBe(2);
    const slow = heldBack({ isBefore: true });
    store.on("settle", slow.fault);
    lost.release();
    await turns(20);
    expect(slow.waiting).toBe(0);
    clock.set(clock.now() + 100);
    await clock.drain({ timeout: 0 }).catch(() => {});
    await turns(20);
    expect(slow.waiting).toBe(1);
    store.heal();
    // The clock does not come to rest before the store has answered.
    const atRest = vi.fn();
    const drained = clock.drain().then(atRest);
    await turns(20);
    expect(atRest).not.toHaveBeenCalled();
    slow.release();
    await drained;
    expect((await queue.counts()).byStatus.completed).toBe(40);
  });

  test("gets half of the settlements per call after each failure, twice as many after each success, and then two calls at a time again", async () => {
    const { queue, clock, store } = scene({ isRemote: true, isDurable: true, concurrency: 64, lease: "1h" });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(Array.from({ length: 128 }));
    await clock.advance(0);
    const sizes: number[] = [];
    store.on("settle", (call, [settlements]) => {
      const calls = sizes.push((settlements as unknown[]).length);
      return calls <= 2 ? Promise.reject(away) : call();
    });
    const complete = async (count: number) => {
      for (const run of runs.splice(0, count)) run.complete();
      await turns();
    };
    await complete(64);
    await clock.advance("1s");
    expect(sizes).toEqual([64, 32, 16, 32, 16]);
    for (let call = 0; call < 3; call++) await complete(1);
    const held = heldBack();
    store.on("settle", held.fault);
    await complete(1);
    await complete(8);
    expect(held.waiting).toBe(2);
    held.release();
    await complete(52);
    await clock.drain();
  });

  test("gets at most a thousand settlements per call", async () => {
    const { queue, clock, store } = scene({ concurrency: 1_500 });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(Array.from({ length: 1_500 }));
    await clock.advance(0);
    const sizes: number[] = [];
    store.on("settle", (call, [settlements]) => {
      sizes.push((settlements as unknown[]).length);
      return call();
    });
    for (const run of runs) run.complete();
    await clock.drain();
    expect(sizes).toEqual([1_000, 500]);
  });

  test("is tried again after a short wait when it goes away a second time", async () => {
    const { queue, clock, store } = scene();
    const { task } = counting(queue);
    await clock.advance(0);
    store.on("claim", rejects());
    await task.enqueue(1);
    await clock.advance("1m");
    store.heal();
    await clock.advance("5s");
    store.on("claim", rejects(), 1);
    const jobId = await task.enqueue(2);
    await clock.advance(100);
    expect((await resultOf(queue, jobId)).status).toBe("completed");
  });

  test("unsettled attempts are bounded: a worker that cannot settle stops claiming", async () => {
    const { queue, clock, store } = scene({ concurrency: 5, lease: "1h" });
    const { task, called } = counting(queue);
    await clock.advance(0);
    store.on("settle", rejects());
    await task.enqueueMany(Array.from({ length: 100 }, (_, n) => n));
    await clock.advance("5m");
    expect(called.size).toBeGreaterThanOrEqual(5);
    expect(called.size).toBeLessThanOrEqual(15);
    store.heal();
    await clock.advance("10s");
    expect((await queue.counts()).byStatus.completed).toBe(100);
    expect([...called.values()].every((times) => times === 1)).toBe(true);
  });

  test("a job that waits to be settled keeps its lease meanwhile", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { task, called } = counting(queue);
    const jobId = await task.enqueue(1);
    store.on("settle", rejects());
    await clock.advance("10m");
    store.heal();
    await clock.advance("10s");
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", attempts: 1 });
    expect(called.get(jobId)).toBe(1);
  });

  test("and does so again after an outage that was longer than the lease", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob({ lease: "30s" });
    for (const method of ["claim", "heartbeat", "settle"] as const) store.on(method, rejects());
    nth(runs, 0).complete("kept");
    await clock.advance("45s");
    store.heal();
    store.on("settle", rejects());
    await clock.advance("5m");
    store.heal();
    await clock.advance("10s");
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "kept", attempts: 1 });
    expect(runs).toHaveLength(1);
  });

  test("an event tells how long the attempt ran, not how long the store was away", async () => {
    const { queue, clock, store, runs } = await runningJob({ lease: "30s" });
    const told = eventsOf(queue);
    await clock.advance("5s");
    store.on("settle", rejects());
    nth(runs, 0).complete();
    await clock.advance("1m");
    store.heal();
    await clock.advance("10s");
    expect(told.at(-1)).toMatchObject({ name: "completed", event: { durationMs: 5_000 } });
  });

  test("and takes no settlements gets no more jobs run once twice as many as there are slots wait for it", async () => {
    const { queue, clock, store } = scene({ concurrency: 5, lease: "1h" });
    const { task, called } = counting(queue);
    store.on("settle", rejects());
    await task.enqueueMany(Array.from({ length: 50 }, (_, n) => n));
    await clock.advance("1m");
    expect(called.size).toBe(10);
    store.heal();
    await clock.advance("10s");
    expect(called.size).toBe(50);
  });

  test("one settlement that the store cannot take does not hold up the others", async () => {
    const { queue, clock, store } = scene({ concurrency: 20, lease: "1h" });
    const { task } = counting(queue);
    const poison = newJobId();
    store.on("settle", async (call, [settlements]) => {
      if ((settlements as { id: string }[]).some(({ id }) => id === poison)) throw new Error("cannot take that");
      return call();
    });
    await task.enqueue(0, { id: poison });
    const ids = await task.enqueueMany(Array.from({ length: 200 }, (_, n) => n));
    await clock.advance("1m");
    for (const id of ids) expect((await resultOf(queue, id)).status).toBe("completed");
    expect((await resultOf(queue, poison)).status).toBe("running");
    const late = await task.enqueue(1);
    await clock.advance("10s");
    expect((await resultOf(queue, late)).status).toBe("completed");
    store.heal();
    await clock.advance("10s");
    expect((await resultOf(queue, poison)).status).toBe("completed");
  });

  test("housekeeping that fails is reported, and is made up for", async () => {
    const { queue, clock, store, errors } = scene({ retention: { count: 1 } });
    const { task } = counting(queue);
    store.on("prune", rejects());
    await task.enqueueMany([1, 2, 3]);
    await clock.advance("10s");
    expect(errors).toContain(away);
    store.heal();
    await clock.advance("2m");
    expect(await queue.listJobs()).toHaveLength(1);
  });
});

describe("a server that was away for longer than the lease", () => {
  /** A worker that runs a job, and another place for one. */
  async function working() {
    const { a, b, clock } = twoWorkers({ lease: "30s", isRemote: true });
    const there = controlled(a.queue);
    await a.clock.advance(0);
    const jobId = await there.task.enqueue(7);
    await a.clock.advance(0);
    return { a, b, clock, there, jobId };
  }

  /** A worker whose job has ended while the server was away, and another, which reaches it first. */
  async function outage(begins: "before" | "meanwhile") {
    // Tries follow each other after 3.75 s at most, so that within 4 s the other has reached the server.
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { a, b, clock, there, jobId } = await working();
    const begin = () => controlled(b.queue).runs;
    const before = begins === "before" ? begin() : undefined;
    await clock.advance(0);
    for (const { store } of [a, b])
      for (const method of ["open", "claim", "heartbeat", "settle"] as const) store.on(method, rejects());
    const runs = before ?? begin();
    nth(there.runs, 0).complete("there");
    const advance = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) for (const { clock } of [a, b]) await clock.advance("1s");
    };
    await advance(60);
    b.store.heal();
    await advance(4);
    return { a, b, jobId, runs, advance };
  }

  const others = ["before", "meanwhile"] as const;

  test.each(others)(
    "gives its workers time to settle what ended, before others, begun %s, take that over",
    async (begun) => {
      const { a, b, jobId, runs, advance } = await outage(begun);
      a.store.heal();
      await advance(10);
      expect(runs).toHaveLength(0);
      expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "completed", result: "there", attempts: 1 });
    },
  );

  test("is told apart from one that only lost a worker: another that begins then takes over its jobs at once", async () => {
    const { a, b, clock, there } = await working();
    for (const method of ["claim", "heartbeat"] as const) a.store.on(method, rejects());
    clock.set(clock.now() + 30_000);
    const here = controlled(b.queue);
    await clock.advance("1s");
    expect(here.runs).toHaveLength(1);
    for (const run of [...there.runs, ...here.runs]) run.complete();
  });

  test("is told apart from a worker that only computed for as long itself, and takes over lost jobs at once", async () => {
    const { a, b, clock, there } = await working();
    const here = controlled(b.queue);
    await clock.advance(0);
    for (const method of ["claim", "heartbeat"] as const) a.store.on(method, rejects());
    clock.set(clock.now() + 45_000);
    await clock.advance("4s");
    expect(here.runs).toHaveLength(1);
    for (const run of [...there.runs, ...here.runs]) run.complete();
  });

  test.each(others)(
    "does not keep others, begun %s, from taking over the jobs of lost workers within seconds",
    async (begun) => {
      const { runs, advance } = await outage(begun);
      expect(runs).toHaveLength(0);
      await advance(8);
      expect(runs).toHaveLength(1);
      nth(runs, 0).complete();
    },
  );
});

describe("recovered", () => {
  const gone = new JobError("queue_unavailable", "nobody there");
  /** Recoveries that were emitted, and those that were logged. */
  function told({ queue, logged }: ReturnType<typeof scene>) {
    const recoveries: number[] = [];
    queue.on("recovered", ({ downMs }) => recoveries.push(downMs));
    return { recoveries, logged };
  }

  test("never reports a negative downtime, even if the clock was set back meanwhile", async () => {
    const at = scene();
    const { recoveries } = told(at);
    const { task } = counting(at.queue);
    at.store.on("claim", rejects(gone));
    await task.enqueue(1);
    await at.clock.advance(1);
    at.clock.set(at.clock.now() - 60_000);
    at.store.heal();
    await at.queue.stop();
    await at.queue.start();
    await at.clock.drain();
    expect(recoveries).toEqual([0]);
  });

  test.each<Method>(["claim", "settle", "heartbeat"])(
    "is emitted once when %s succeeds again, with the downtime",
    async (method) => {
      const at = scene({ lease: "3s" });
      const { queue, clock, store } = at;
      const { recoveries, logged } = told(at);
      const { task } = counting(queue);
      await task.enqueue(1);
      await clock.drain();
      store.on(method, rejects(gone));
      await task.enqueue(2);
      await clock.advance("20s");
      expect(recoveries).toEqual([]);
      store.heal();
      await clock.advance("20s");
      expect(recoveries).toHaveLength(1);
      expect(recoveries[0]).toBeGreaterThanOrEqual(17_000);
      expect(recoveries[0]).toBeLessThan(27_000);
      expect(logged).toEqual([`The memory queue is working again after ${Math.round(recoveries[0] ?? 0)} ms.`]);
    },
  );

  test("is emitted when claims succeed again even while every slot is taken, after an error when they failed", async () => {
    const at = scene({ isDurable: true, concurrency: 1 });
    const { recoveries } = told(at);
    const { task, runs } = controlled(at.queue);
    await task.enqueue(1);
    await at.clock.advance("5s");
    at.store.on("claim", rejects(gone));
    await at.clock.advance("10s");
    expect(at.errors).toContain(gone);
    at.store.heal();
    await at.clock.advance("10s");
    expect(recoveries).toHaveLength(1);
    expect(runs).toHaveLength(1);
  });

  test("waits for everything that failed: while claims fail, renewals that succeed are no recovery", async () => {
    const at = scene({ concurrency: 2, lease: "3s" });
    const { queue, clock, store } = at;
    const { recoveries } = told(at);
    const { task } = controlled(queue);
    await task.enqueue(1);
    await clock.advance(0);
    store.on("claim", rejects(gone));
    const endSilence = store.on("heartbeat", rejects(gone), 2);
    await task.enqueue(2);
    await clock.advance("10s");
    endSilence();
    await clock.advance("10s");
    expect(recoveries).toEqual([]);
    store.heal();
    await clock.advance("10s");
    expect(recoveries).toHaveLength(1);
  });

  test("is emitted for a store that could not be reached from the start", async () => {
    const at = scene();
    const { recoveries } = told(at);
    at.store.on("open", rejects(gone));
    counting(at.queue);
    await at.clock.advance("1m");
    at.store.heal();
    expect(recoveries).toEqual([]);
    await at.clock.advance("10s");
    expect(recoveries).toHaveLength(1);
  });

  test("is not emitted for calls that failed although the store could be reached", async () => {
    const at = scene();
    const { recoveries, logged } = told(at);
    const { task } = counting(at.queue);
    at.store.on("settle", rejects(), 3);
    await task.enqueue(1);
    await at.clock.advance("1m");
    expect((await at.queue.counts()).byStatus.completed).toBe(1);
    expect({ recoveries, logged }).toEqual({ recoveries: [], logged: [] });
  });
});

describe("a store that cannot be reached yet", () => {
  test.each<Method>(["open", "subscribe"])("lets the worker start once %s succeeds", async (method) => {
    const { queue, clock, store, errors } = scene();
    store.on(method, rejects());
    const { task } = counting(queue);
    await clock.advance("1m");
    expect(errors.length).toBeGreaterThan(5);
    expect(errors.length).toBeLessThan(40);
    store.heal();
    const jobId = await task.enqueue(1);
    await clock.advance("5s");
    expect((await resultOf(queue, jobId)).status).toBe("completed");
  });

  test("leaves no subscription behind when the second of two fails", async () => {
    const { queue, clock, store } = scene();
    let subscribed = 0;
    let isWell = false;
    store.on("subscribe", async (call, [kind]) => {
      if (kind === "cancelled" && !isWell) throw away;
      const end = (await call()) as () => void;
      subscribed++;
      return () => {
        subscribed--;
        end();
      };
    });
    counting(queue);
    await clock.advance("10s");
    expect(subscribed).toBe(0);
    isWell = true;
    await clock.advance("10s");
    expect(subscribed).toBe(2);
    await queue.stop();
    expect(subscribed).toBe(0);
  });

  test("start() rejects with the error of open(), even when the queue was about to start by itself, and keeps trying", async () => {
    const { queue, clock, store } = scene();
    const { task } = counting(queue);
    const gone = new JobError("queue_unavailable", "nobody there");
    store.on("open", rejects(gone));
    await expect(queue.start()).rejects.toBe(gone);
    await expect(queue.start()).rejects.toBe(gone);
    store.heal();
    await clock.advance("10s");
    const jobId = await task.enqueue(1);
    await clock.drain();
    expect((await resultOf(queue, jobId)).status).toBe("completed");
  });

  test("but answers late keeps the clock from coming to rest until the worker has started and run what there is", async () => {
    const { queue, clock, store } = scene();
    const late = heldBack();
    store.on("subscribe", late.fault, 1);
    const { task, called } = counting(queue);
    const jobId = await task.enqueue(1);
    const atRest = vi.fn();
    const advanced = clock.advance(0).then(atRest);
    await turns(20);
    expect(atRest).not.toHaveBeenCalled();
    late.release();
    await advanced;
    expect(called.get(jobId)).toBe(1);
  });

  test("calling start() many times does not multiply the tries", async () => {
    const { queue, clock, store } = scene();
    counting(queue);
    store.on("open", rejects());
    for (let call = 0; call < 20; call++) await queue.start().catch(() => {});
    const before = store.calls.open;
    await clock.advance("1m");
    expect(store.calls.open - before).toBeLessThan(40);
  });

  test("a task that attaches while the worker is starting has its jobs run", async () => {
    const { queue, clock, store } = scene();
    const slow = heldBack();
    store.on("subscribe", slow.fault);
    const first = counting(queue);
    await turns();
    expect(slow.waiting).toBe(1);
    const { task, runs } = controlled(queue);
    slow.release();
    await first.task.enqueue(1);
    await task.enqueue("me too");
    await clock.advance("1m");
    expect(runs).toHaveLength(1);
  });

  test("ready() accepts an answer that came while the process was blocked for longer than the timeout", async () => {
    const { queue, store } = scene({ worker: false });
    // Its answer is read after timers have fired, as a socket's would be.
    store.on("get", (call) => new Promise((resolve) => setImmediate(resolve)).then(call));
    await turns(1);
    const ready = queue.ready({ timeout: 1 });
    for (const endsAt = performance.now() + 150; performance.now() < endsAt; );
    await ready;
  });

  test("ready() can wait for longer than a timer", async () => {
    const { queue, store } = scene({ worker: false });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const slow = heldBack();
    store.on("open", slow.fault);
    const ready = queue.ready({ timeout: "30d" });
    await vi.advanceTimersByTimeAsync(86_400_000);
    slow.release();
    await ready;
  });

  test("ready() and health() say so, and do not wait for ever", async () => {
    const { queue, store } = scene({ worker: false });
    store.on("open", () => new Promise(() => {}));
    await expect(queue.ready({ timeout: 20 })).rejects.toMatchObject({ code: "queue_unavailable" });
    store.on("open", rejects(new JobError("queue_unavailable", "refused")));
    const other = scene({ worker: false });
    other.store.on("open", rejects(new JobError("queue_unavailable", "refused")));
    await expect(other.queue.ready()).rejects.toMatchObject({ code: "queue_unavailable", message: "refused" });
    expect(await other.queue.health()).toMatchObject({ isHealthy: false, error: "refused" });
    other.store.heal();
    await other.queue.ready();
    expect(await other.queue.health()).toMatchObject({ isHealthy: true, error: null, store: "memory" });
    other.store.on("claim", rejects());
    expect(await other.queue.health()).toMatchObject({ isHealthy: false, error: "the store is away" });
    // It could be reached once, and no longer can.
    other.store.on("get", rejects(new JobError("queue_unavailable", "gone")));
    await expect(other.queue.ready()).rejects.toMatchObject({ code: "queue_unavailable", message: "gone" });
    other.store.on("get", () => new Promise(() => {}));
    await expect(other.queue.ready({ timeout: 20 })).rejects.toMatchObject({ code: "queue_unavailable" });
  });

  test("ready() waits two seconds by default, and health() half a second longer, in which the store can say why", async () => {
    const { queue, store } = scene({ worker: false });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    store.on("open", hangs());
    const ended: string[] = [];
    const ready = expect(queue.ready().finally(() => ended.push("ready"))).rejects.toMatchObject({
      code: "queue_unavailable",
    });
    const health = queue.health().finally(() => ended.push("health"));
    await vi.advanceTimersByTimeAsync(1_900);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(ended).toEqual(["ready"]);
    await ready;
    await vi.advanceTimersByTimeAsync(500);
    expect(ended).toEqual(["ready", "health"]);
    expect(await health).toMatchObject({ isHealthy: false });
  });
});

test.each<[Method, (queue: JobQueue) => Promise<unknown>]>([
  ["open", (queue) => queue.counts()],
  ["enqueue", (queue) => queue.enqueue("any", 1)],
  ["cancel", (queue) => queue.cancel(newJobId())],
  ["retry", (queue) => queue.retry(newJobId())],
  ["get", (queue) => queue.wait(newJobId()).catch(() => {})],
])("the clock does not come to rest while a call that %s serves is unanswered", async (method, call) => {
  const { queue, clock, store } = scene({ worker: false });
  if (method !== "open") await queue.ready();
  await restsOnlyOnce(method, { clock, store }, () => call(queue));
});

test("the clock does not come to rest while jobs that retention does not keep are being removed", async () => {
  const { queue, clock, store } = scene();
  const { task } = counting(queue);
  await task.enqueue(1);
  await clock.drain();
  await restsOnlyOnce("prune", { clock, store }, async () => {});
});

/** Expects the clock not to come to rest before a call of the store is answered that follows from what the test does. */
async function restsOnlyOnce(
  method: Method,
  { clock, store }: Pick<ReturnType<typeof scene>, "clock" | "store">,
  act: () => Promise<unknown>,
): Promise<void> {
  const slow = heldBack();
  store.on(method, slow.fault);
  const acting = act();
  const atRest = vi.fn();
  const advanced = clock.advance("1s").then(atRest);
  await turns(20);
  expect(slow.waiting).toBe(1);
  expect(atRest).not.toHaveBeenCalled();
  slow.release();
  await Promise.all([acting, advanced]);
}
