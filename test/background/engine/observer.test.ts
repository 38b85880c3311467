import { AsyncLocalStorage } from "node:async_hooks";
import { runInNewContext } from "node:vm";
import {
  type AttemptSpan,
  background,
  JobError,
  type Observer,
  observe,
  PermanentError,
  RetryAfterError,
} from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { defineTask } from "../../../src/background/engine/definition.ts";
import { Events } from "../../../src/background/engine/events.ts";
import { silentLogger } from "../../../src/background/engine/logger.ts";
import { isObserved } from "../../../src/background/engine/observer.ts";
import { Producer } from "../../../src/background/engine/producer.ts";
import { JobQueue } from "../../../src/background/engine/queue.ts";
import { queueSettings } from "../../../src/background/engine/queue-options.ts";
import { MemoryStore } from "../../../src/background/stores/memory/store.ts";
import { rejects } from "./faulty-store.ts";
import { controlled, nth, resultOf, runningJob, scene, turns, twoWorkers } from "./scene.ts";

type Told = { readonly method: string; readonly event: Record<string, unknown> };

/** Observes until the test ends. */
function watch(observer: Observer): () => void {
  const stop = observe(observer);
  onTestFinished(stop);
  return stop;
}

/** Everything that an observer is told, except spans. */
function toldTo(): Told[] {
  const told: Told[] = [];
  const hear = (method: string) => (event: object) => {
    told.push({ method, event: { ...event } });
  };
  const names = ["enqueued", "started", "progress", "retrying", "completed", "failed", "cancelled", "lost", "error"];
  watch(Object.fromEntries(names.map((name) => [name, hear(name)])));
  return told;
}

describe("an observer", () => {
  test("hears of every queue, including those created later, until it is stopped", async () => {
    const before = scene();
    const told: string[] = [];
    const stop = watch({ completed: ({ queue, task }) => told.push(`${queue} ${task}`) });
    const after = scene();
    for (const [name, { queue, clock }] of Object.entries({ before, after })) {
      await background({ name, queue }, () => {}).enqueue();
      await clock.drain();
    }
    expect(told).toEqual(["memory before", "memory after"]);
    stop();
    await before.queue.enqueue("before");
    await before.clock.drain();
    expect(told).toHaveLength(2);
    expect(isObserved("completed")).toBe(false);
  });

  test("is told what the queue's listeners are told, and by which queue", async () => {
    const told = toldTo();
    const { queue, clock } = scene();
    const task = background({ queue }, async function twice(_: undefined, job) {
      if (job.attempt === 1) throw new RetryAfterError("2s");
      job.progress(0.5);
      throw new PermanentError("no");
    });
    const jobId = await task.enqueue(undefined, { delay: "1s" });
    await clock.advance("3s");
    const of = { queue: "memory", place: "memory", jobId, task: "twice" };
    expect(told.map(({ method, event }) => [method, event])).toEqual([
      ["enqueued", of],
      ["started", { ...of, attempt: 1, waitMs: 0 }],
      ["retrying", { ...of, attempt: 1, error: expect.any(String), delayMs: 2_000, durationMs: 0 }],
      ["started", { ...of, attempt: 2, waitMs: 0 }],
      ["progress", { ...of, attempt: 2, progress: { fraction: 0.5, done: null, total: null, message: null } }],
      ["failed", { ...of, attempt: 2, error: "no", durationMs: 0 }],
    ]);
  });

  test("is told the queue's place, which tells queues of one kind apart", async () => {
    const told: string[] = [];
    const note = (what: string) => (event: { readonly queue: string; readonly place: string }) =>
      void told.push(`${what} ${event.queue} ${event.place}`);
    watch({ enqueueing: note("enqueueing"), attempting: note("attempting"), completed: note("completed") } as Observer);
    for (const place of ["one", "two"]) {
      const clock = new ManualClock();
      const queue = new JobQueue(Object.assign(new MemoryStore({ clock }), { place }), queueSettings({ clock }));
      onTestFinished(() => queue.close({ grace: 0 }));
      await background({ name: "work", queue }, () => {}).enqueue();
      await clock.drain();
      expect(queue.place).toBe(place);
      const of = `memory ${place}`;
      expect(told.splice(0)).toEqual([`enqueueing ${of}`, `attempting ${of}`, `completed ${of}`]);
    }
  });

  test("is told of a cancel whether this process asked for it", async () => {
    const told = toldTo();
    const { a, b, clock } = twoWorkers();
    const { task, runs } = controlled(a.queue);
    const [running, waiting] = await task.enqueueMany([1, 2]);
    await a.clock.advance(0);
    nth(runs, 1).fail(new Error("again"));
    await a.clock.advance(0);
    await b.queue.cancel(running as string);
    await b.queue.cancel(waiting as string);
    await Promise.all([a.clock.advance(0), clock.advance(0)]);
    const cancelled = told.filter(({ method }) => method === "cancelled").map(({ event }) => event);
    const own = cancelled.filter(({ isOwn }) => isOwn).map(({ jobId }) => jobId);
    expect(own).toEqual([running, waiting]);
    // As far as this queue knows, the other one is another process's.
    expect(cancelled.filter(({ isOwn }) => !isOwn).map(({ jobId }) => jobId)).toEqual([running]);
  });

  test("that throws, or rejects, is reported and harms neither jobs nor other observers", async () => {
    const boom = () => {
      throw new Error("observer");
    };
    const later = async () => boom();
    const names = ["enqueued", "started", "completed", "error", "enqueueing"];
    watch(Object.fromEntries(names.map((name) => [name, boom])));
    watch(Object.fromEntries(names.map((name) => [name, later])));
    watch({
      attempting: () => ({ run: boom, ended: boom }),
      enqueueing: () => ({
        get trace(): string {
          return boom();
        },
        ended: later as never,
      }),
    });
    watch({ attempting: boom });
    watch({
      attempting: () => ({
        get run(): never {
          return boom();
        },
      }),
    });
    const told = toldTo();
    const { queue, clock, errors } = scene();
    const task = background({ name: "work", queue }, () => "done");
    const jobId = await task.enqueue();
    await clock.drain();
    await turns();
    expect(await queue.getDetails(jobId)).toMatchObject({ status: "completed", result: "done", trace: null });
    expect(told.map(({ method }) => method).filter((method) => method !== "error")).toEqual([
      "enqueued",
      "started",
      "completed",
    ]);
    expect(errors.length).toBeGreaterThan(8);
    expect(errors.every((error) => (error as Error).message === "observer")).toBe(true);
  });

  test.each([
    ["a promise of another realm", () => runInNewContext('Promise.reject("later")')],
    ["a thenable", () => ({ ["then" as string]: (_: unknown, reject: (why: unknown) => void) => reject("later") })],
  ])("that returns %s is reported when that rejects, and so is a queue's own listener", async (_, fail) => {
    watch({ enqueued: fail });
    const { queue, errors } = scene();
    queue.on("enqueued", fail);
    await queue.enqueue("work");
    await turns();
    expect(errors).toEqual(["later", "later"]);
  });

  test("added twice is told twice, and each is stopped on its own", async () => {
    let heard = 0;
    const observer = { enqueued: () => void heard++ };
    const stop = watch(observer);
    watch(observer);
    const { queue } = scene({ worker: false });
    await queue.enqueue("work");
    expect(heard).toBe(2);
    stop();
    stop();
    await queue.enqueue("work");
    expect(heard).toBe(3);
  });

  test("that is not an object is refused", () => {
    for (const none of [null, undefined, "text", () => {}])
      expect(() => observe(none as never)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });
});

describe("a trace", () => {
  /** Gives each call that stores jobs a trace of its own. */
  function traced(): { readonly ends: unknown[]; readonly attempts: (string | null)[] } {
    const ends: unknown[] = [];
    const attempts: (string | null)[] = [];
    let calls = 0;
    watch({
      enqueueing: (init) => {
        const trace = `trace ${++calls}`;
        return { trace, ended: (end) => void ends.push({ ...init, ...end }) };
      },
      attempting: ({ trace }) => {
        attempts.push(trace);
        return undefined;
      },
    });
    return { ends, attempts };
  }

  test("goes with the jobs of an enqueueing call to each of their attempts", async () => {
    const { ends, attempts } = traced();
    const { queue, clock } = scene();
    const task = background({ queue }, async function flaky(_: number, job) {
      if (job.attempt === 1) throw new Error("once");
    });
    const id = await task.enqueue(0);
    const ids = await task.enqueueMany([1, 2]);
    await clock.advance("2s");
    await clock.drain();
    expect(attempts.toSorted()).toEqual(["trace 1", "trace 1", ...Array(4).fill("trace 2")]);
    const of = { queue: "memory", place: "memory", task: "flaky", error: null };
    expect(ends).toEqual([
      { ...of, count: 1, jobIds: [id] },
      { ...of, count: 2, jobIds: ids },
    ]);
    expect((await queue.getDetails(id))?.trace).toBe("trace 1");
  });

  test("ends with the call's error when it fails, however early", async () => {
    const { ends } = traced();
    const { queue, store } = scene({ worker: false });
    await expect(queue.enqueue("work", () => {})).rejects.toMatchObject({ code: "not_serializable" });
    await expect(queue.enqueue("work", 0, { delay: "x" as never })).rejects.toMatchObject({ code: "invalid_option" });
    await expect(queue.enqueueMany("work", 5 as never)).rejects.toMatchObject({ code: "invalid_payload" });
    store.on("enqueue", rejects(), 1);
    await expect(queue.enqueue("work")).rejects.toMatchObject({ code: "queue_unavailable" });
    expect(ends.map((end) => (end as { error: { code: string } }).error.code)).toEqual([
      "not_serializable",
      "invalid_option",
      "invalid_payload",
      "queue_unavailable",
    ]);
  });

  test("surrounds the making of a job that is stored within a transaction of the caller's own", () => {
    const { ends } = traced();
    const store = new MemoryStore({ clock: new ManualClock() });
    const producer = new Producer({
      store,
      limits: { payload: 1_000, result: 1_000 },
      events: new Events(silentLogger, store),
      open: () => undefined,
    });
    const task = defineTask({ name: "work" }, () => {});
    const job = producer.prepare(task, 0, undefined);
    expect(job.trace).toBe("trace 1");
    expect(() => producer.prepare(task, () => {}, undefined)).toThrow(JobError);
    expect(ends).toMatchObject([
      { count: 1, jobIds: [job.id], error: null },
      { count: 1, jobIds: [], error: { code: "not_serializable" } },
    ]);
  });

  test("of more than 512 bytes, or that is not a string, is not kept", async () => {
    const traces = ["x".repeat(513), "é".repeat(257), "", 5, {}, null, undefined];
    watch({ enqueueing: () => ({ trace: traces[0] as never }) });
    const { queue } = scene({ worker: false });
    for (; traces.length > 0; traces.shift()) {
      const id = await queue.enqueue("work");
      expect((await queue.getDetails(id))?.trace).toBeNull();
    }
    traces.push("é".repeat(256));
    expect((await queue.getDetails(await queue.enqueue("work")))?.trace).toBe(traces[0]);
  });

  test("that is stored but too long is kept from observers", async () => {
    const attempts: unknown[] = [];
    watch({
      attempting: ({ trace }) => {
        attempts.push(trace);
        return undefined;
      },
    });
    const { queue, clock, store } = scene();
    background({ name: "work", queue }, () => {});
    const claim = store.claim.bind(store);
    store.claim = async (request) => {
      const answer = await claim(request);
      return { ...answer, jobs: answer.jobs.map((job) => ({ ...job, trace: "x".repeat(100_000) })) };
    };
    await queue.enqueue("work");
    await clock.drain();
    expect(attempts).toEqual([null]);
  });

  test("is that of the first observer to give one", async () => {
    watch({ enqueueing: () => undefined });
    watch({ enqueueing: () => ({}) });
    watch({ enqueueing: () => ({ trace: "first" }) });
    watch({ enqueueing: () => ({ trace: "second" }) });
    const { queue } = scene({ worker: false });
    expect((await queue.getDetails(await queue.enqueue("work")))?.trace).toBe("first");
  });
});

describe("an observed attempt", () => {
  test("runs in the observers' contexts, the first one outermost, and what the worker does next runs in none", async () => {
    const context = new AsyncLocalStorage<string>();
    watch({
      attempting: ({ jobId }) => ({ run: (call) => context.run(`${context.getStore() ?? ""}<${jobId}`, call) }),
    });
    watch({ attempting: () => ({ run: (call) => context.run(`${context.getStore()}>`, call) }) });
    const { queue, clock, store } = scene({ concurrency: 1 });
    const seen: unknown[] = [];
    const calls = new Set<unknown>();
    for (const method of ["claim", "settle"] as const) {
      const original = store[method].bind(store) as (batch: never) => never;
      store[method] = ((batch: never) => {
        calls.add(context.getStore());
        return original(batch);
      }) as never;
    }
    const task = background({ name: "work", queue }, async (_: number) => {
      await turns(1);
      seen.push(context.getStore());
    });
    const ids = await task.enqueueMany([1, 2, 3]);
    await clock.drain();
    expect(seen).toEqual(ids.map((id) => `<${id}>`));
    expect([...calls]).toEqual([undefined]);
  });

  test("runs its handler once, whatever an observer does with the call", async () => {
    watch({ attempting: () => ({ run: () => undefined as never }) });
    watch({
      attempting: () => ({
        run: (call) => {
          call();
          return call();
        },
      }),
    });
    const { queue, clock } = scene();
    let runs = 0;
    background({ name: "work", queue }, () => void runs++);
    await queue.enqueue("work");
    await clock.drain();
    expect(runs).toBe(1);
  });

  test("returns nothing to an observer that calls it late, and does not throw there", async () => {
    const late: unknown[] = [];
    watch({
      attempting: () => ({
        run: (call) => {
          queueMicrotask(() => late.push(call()));
          return undefined as never;
        },
      }),
    });
    const { queue, clock } = scene();
    background({ name: "work", queue, maxRetries: 0 }, () => {
      throw new Error("mine");
    });
    const jobId = await queue.enqueue("work");
    await clock.drain();
    expect([(await queue.getResult(jobId))?.error, late]).toEqual(["mine", [undefined]]);
  });

  test.each<[string, AttemptSpan["run"] & object]>([
    ["passes it through", (call) => call()],
    ["awaits it", (async (call: () => unknown) => await call()) as never],
    [
      "catches and throws it again",
      (call) => {
        try {
          return call();
        } catch (error) {
          throw error as Error;
        }
      },
    ],
  ])(
    "whose handler fails runs it once, and does not report its error as the queue's own, when an observer %s",
    async (_, run) => {
      for (let observers = 0; observers < 3; observers++) watch({ attempting: () => ({ run }) });
      const { queue, clock, errors } = scene();
      const calls: string[] = [];
      const settings = { queue, maxRetries: 1 };
      background({ ...settings, name: "throws" }, () => {
        calls.push("throws");
        throw new Error("thrown");
      });
      background({ ...settings, name: "rejects" }, async () => {
        calls.push("rejects");
        throw new Error("rejected");
      });
      for (const name of ["throws", "rejects"]) {
        const jobId = await queue.enqueue(name);
        await clock.advance("2s");
        await clock.drain();
        expect(await resultOf(queue, jobId)).toMatchObject({ status: "failed", attempts: 2 });
      }
      expect(calls).toEqual(["throws", "throws", "rejects", "rejects"]);
      expect(errors).toEqual([]);
    },
  );

  test("reports what an observer's promise around it rejects with, of any realm, and awaits the handler's own once", async () => {
    watch({ attempting: () => ({ run: (call) => call() }) });
    watch({
      attempting: () => ({
        run: (call) => {
          call();
          return runInNewContext('Promise.reject("later")');
        },
      }),
    });
    const { queue, clock, errors } = scene();
    let awaited = 0;
    const then = (resolve: (value: string) => void) => {
      awaited++;
      resolve("done");
    };
    background({ name: "work", queue }, () => ({ ["then" as string]: then }));
    const jobId = await queue.enqueue("work");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ result: "done" });
    expect(awaited).toBe(1);
    expect(errors).toEqual(["later"]);
  });

  test("keeps its own error, and what an observer itself throws around it, now or later, is reported", async () => {
    const now = new Error("now");
    const later = new Error("later");
    watch({
      attempting: () => ({
        run: (call) => {
          call();
          throw now;
        },
      }),
    });
    watch({
      attempting: () => ({
        run: (async (call: () => unknown) => {
          await Promise.resolve(call()).catch(() => {});
          throw later;
        }) as never,
      }),
    });
    const { queue, clock, errors } = scene();
    background({ name: "work", queue, maxRetries: 0 }, async () => {
      throw new Error("the handler's own");
    });
    const jobId = await queue.enqueue("work");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "failed", error: "the handler's own" });
    expect(new Set(errors)).toEqual(new Set([now, later]));
  });

  test("ends once, with its outcome and what was thrown", async () => {
    const ends: unknown[] = [];
    watch({ attempting: ({ attempt }) => ({ ended: (end) => void ends.push({ attempt, ...end }) }) });
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { maxRetries: 1, timeout: "1m" });
    const error = new TypeError("thrown");
    const nothing = { error: null, delayMs: null };

    await task.enqueue(0);
    await clock.advance("5s");
    nth(runs, -1).fail(error);
    await clock.advance("2s");
    expect(ends.splice(0)).toEqual([{ attempt: 1, outcome: "retrying", error, delayMs: 2_000, durationMs: 5_000 }]);
    await clock.advance("3s");
    nth(runs, -1).complete();
    await clock.drain();
    expect(ends.splice(0)).toEqual([{ attempt: 2, outcome: "completed", ...nothing, durationMs: 3_000 }]);

    await task.enqueue(0);
    await clock.advance(0);
    nth(runs, -1).fail(new PermanentError("no"));
    await clock.drain();
    expect(ends.splice(0)).toMatchObject([{ outcome: "failed", error: { message: "no" } }]);

    await task.enqueue(0);
    await clock.advance("61s");
    expect(ends.splice(0)).toMatchObject([
      { outcome: "retrying", error: { code: "attempt_timeout" }, durationMs: 60_000 },
    ]);
    await clock.advance("3s");
    await queue.cancel(nth(runs, -1).job.id);
    nth(runs, -1).complete();
    await clock.drain();
    expect(ends.splice(0)).toMatchObject([{ attempt: 2, outcome: "cancelled", ...nothing }]);

    await task.enqueue(0);
    await clock.advance("4s");
    await queue.stop({ grace: 0 });
    expect(ends.splice(0)).toEqual([{ attempt: 1, outcome: "released", ...nothing, durationMs: 4_000 }]);
  });

  test("took zero time, never less, if the clock was set back meanwhile", async () => {
    const ends: number[] = [];
    watch({ attempting: () => ({ ended: ({ durationMs }) => void ends.push(durationMs) }) });
    const { clock, runs } = await runningJob();
    clock.set(clock.now() - 3_600_000);
    nth(runs, 0).complete();
    await clock.drain();
    expect(ends).toEqual([0]);
  });

  test("whose lease is lost ends as lost", async () => {
    const ends: unknown[] = [];
    watch({ attempting: () => ({ ended: ({ outcome }) => void ends.push(outcome) }) });
    const { clock, store, runs } = await runningJob({ isDurable: true });
    store.on("heartbeat", rejects());
    await clock.advance("29s");
    nth(runs, 0).fail(new Error("stopped"));
    await clock.drain();
    expect(ends).toEqual(["lost"]);
  });
});
