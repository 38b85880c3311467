import { background, JobError } from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import { KeepAlive } from "../../../src/background/engine/keep-alive.ts";
import { hangs, heldBack, type Method, rejects } from "./faulty-store.ts";
import { controlled, nth, resultOf, runningJob, type Scene, scene, turns, twoWorkers } from "./scene.ts";

describe("close() on a store that is away", () => {
  const methods: Method[] = ["claim", "settle", "heartbeat", "close", "enqueue", "count", "subscribe", "open", "prune"];
  const faulty = async (method: Method, fault: ReturnType<typeof hangs>): Promise<Scene> => {
    const made = scene({ lease: "30s" });
    made.store.on(method, fault);
    const task = background({ queue: made.queue }, async function brief(_: number, job) {
      job.log("hello");
    });
    void task.enqueue(1).catch(() => {});
    await turns();
    return made;
  };

  test.concurrent.each(methods)(
    "is bounded when %s never answers",
    async (method) => {
      const { queue } = await faulty(method, hangs());
      const begin = performance.now();
      await queue.close({ grace: 50 });
      expect(performance.now() - begin).toBeLessThan(7_500);
    },
    10_000,
  );

  test.concurrent.each(methods)(
    "does not reject when %s fails",
    async (method) => {
      const { queue } = await faulty(method, rejects());
      await queue.close({ grace: 50 });
      await queue.closed;
    },
    10_000,
  );
});

test("close() of a queue that runs nothing takes two seconds when its store is silent, whatever the grace", async () => {
  const { queue, store } = scene({ isDurable: true });
  controlled(queue);
  await turns();
  for (const method of ["claim", "heartbeat"] as const) store.on(method, hangs());
  void queue.enqueue("controlled", 0);
  await turns();
  const begin = performance.now();
  await queue.close({ grace: "10s" });
  expect(performance.now() - begin).toBeLessThan(6_000);
}, 20_000);

test("a closed queue does not keep its process alive, even if its last settlement is never answered", async () => {
  const keptAlive = vi.spyOn(KeepAlive.prototype, "set");
  const { queue, store, runs } = await runningJob();
  store.on("settle", hangs());
  nth(runs, 0).complete();
  await queue.close({ grace: 0 });
  expect(new Map(keptAlive.mock.calls)).toEqual(
    new Map([
      ["running", false],
      ["backlog", false],
      ["started", false],
    ]),
  );
}, 10_000);

describe("once it is closed", () => {
  test.concurrent.each<Method>(["claim", "heartbeat"])(
    "a %s that fails because of that is not reported",
    async (method) => {
      const { queue, store, errors } = scene({ isDurable: true });
      const late = heldBack({ isBefore: true });
      store.on(method, late.fault);
      controlled(queue);
      await turns();
      expect(late.waiting).toBe(1);
      await queue.close({ grace: 0 });
      late.release();
      await turns();
      expect(errors).toEqual([]);
    },
    10_000,
  );

  test("a claim that is answered late starts nothing, and the store is left alone", async () => {
    const { a, b } = twoWorkers();
    const { runs } = controlled(a.queue);
    await a.clock.advance(0);
    const late = heldBack();
    a.store.on("claim", late.fault);
    const jobId = await a.queue.enqueue("controlled", 0);
    await turns();
    expect(late.waiting).toBe(1);
    await a.queue.close({ grace: 0 });
    a.store.on("settle", rejects(new JobError("queue_closed", "closed")));
    late.release();
    await turns();
    expect(runs).toEqual([]);
    await b.clock.advance(0);
    const { settle } = a.store.calls;
    await a.clock.advance("10m");
    expect(a.store.calls.settle - settle).toBeLessThanOrEqual(1);
    expect((await resultOf(b.queue, jobId)).status).toBe("running");
  }, 10_000);
});
