import { background, JobError, RedisQueue } from "rapidai/background";
import { describe, expect, type TestContext, test, vi } from "vitest";
import type { Signal, Store } from "../../../../src/background/core/store.ts";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, OTHER_TASK, Scene, TASK } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { type Fault, TcpProxy } from "../../../redis/tcp-proxy.ts";
import { rounds } from "../../../rounds.ts";

/** How long a call may take at most: two seconds, and what a busy machine adds. */
const BOUND_MS = 4_500;
/** How soon everything must work as before once the network does. */
const RESUMED_MS = 5_000;
const BREAKS: number = rounds(10);
const FAULTS = ["late", "silent", "reset", "cut", "echo"] as const;

// These tests mostly wait.
vi.setConfig({ maxConcurrency: 12 });

const redis = ownRedis();
let prefixes = 0;

/** One queue, through a network that breaks and directly. */
interface Ways {
  readonly proxy: TcpProxy;
  readonly broken: Scene;
  readonly straight: Scene;
}

const storeAt = (url: string, prefix: string, clock: HandClock | null): Store =>
  new RedisStore(storeOptions({ connect: connectTo(url), where: url, prefix, clock }));

/** With the server's clock, or the scenes' own. */
async function withWays(use: (ways: Ways) => Promise<void>, time: "server" | "own" = "server"): Promise<void> {
  const prefix = `network:${prefixes++}:`;
  const proxy = await TcpProxy.before(redis.port);
  const clock = new HandClock();
  const own = time === "own" ? clock : null;
  const [broken, straight] = [storeAt(proxy.url, prefix, own), storeAt(redis.url, prefix, own)];
  await broken.open();
  try {
    await use({ proxy, broken: new Scene(broken, clock), straight: new Scene(straight, clock) });
  } finally {
    await Promise.all([broken.close(), straight.close()]);
    await proxy.close();
  }
}

/** Makes a call while the network is broken: it ends in time, with an answer or an error that says why. */
async function whileBroken<T>(proxy: TcpProxy, fault: Fault, call: () => Promise<T>): Promise<T | null> {
  proxy.set(fault);
  const startedAt = performance.now();
  try {
    return await call();
  } catch (error) {
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ code: "queue_unavailable", message: expect.stringContaining("Redis at") });
    return null;
  } finally {
    expect(performance.now() - startedAt).toBeLessThan(BOUND_MS);
    proxy.set("none");
  }
}

/** Repeats a call until it succeeds, which it must in time once the network is back. */
async function resumed<T>(call: () => Promise<T>): Promise<T> {
  const endsAt = performance.now() + RESUMED_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > endsAt) throw error;
    }
  }
}

const calls: Readonly<Record<string, (fault: Fault, context: TestContext) => Promise<void>>> = {
  enqueue: (fault) =>
    withWays(async ({ proxy, broken, straight }) => {
      const answer = await whileBroken(proxy, fault, () => broken.add([1]));
      const there = await straight.list();
      // An acknowledged job is stored; any other may be, and can be enqueued again with the same id.
      if (answer !== null) expect(there).toHaveLength(1);
      const again = await resumed(() => broken.add([1]));
      expect(again).toEqual([there.length === 1 ? "known" : "stored"]);
      expect(await straight.list()).toHaveLength(1);
    }),
  claim: (fault) =>
    withWays(async ({ proxy, broken, straight }) => {
      await straight.add([1]);
      const answer = await whileBroken(proxy, fault, () => broken.claim({ leaseMs: 200 }));
      if (answer !== null) expect(answer.jobs).toHaveLength(1);
      await new Promise((resolve) => setTimeout(resolve, 250));
      // It comes back when its lease has expired; if the reply was lost, as if nobody had claimed it.
      const { jobs } = await resumed(() => broken.claim());
      expect(jobs).toMatchObject([{ attempts: 1, isLost: answer !== null, losses: 0 }]);
    }),
  settle: (fault) =>
    withWays(async ({ proxy, broken, straight }) => {
      const held = await straight.start(1);
      const answer = await whileBroken(proxy, fault, () => broken.settle(held));
      if (answer !== null) expect(answer).toBe("settled");
      expect(await resumed(() => broken.settle(held))).toBe("settled");
      const record = await straight.record(held.id);
      expect(record).toMatchObject({ status: "completed", attempts: 1, past: [] });
    }),
  heartbeat: (fault) =>
    withWays(async ({ proxy, broken, straight }) => {
      const held = await straight.start(1);
      const answer = await whileBroken(proxy, fault, () => broken.beat(held, { logs: ["one"] }));
      if (answer !== null) expect(answer).toBe("held");
      expect(await resumed(() => broken.beat(held))).toBe("held");
      const { logs } = await straight.record(held.id);
      if (answer !== null) expect(logs).toEqual(["one"]);
      expect(logs.length).toBeLessThan(2);
    }),
  subscribe: (fault, { expect }) =>
    withWays(async ({ proxy, broken, straight }) => {
      const heard: string[] = [];
      const listener = (signal: Signal) => {
        if (signal.kind === "finished") heard.push(...signal.ids);
      };
      const answer = await whileBroken(proxy, fault, () => broken.store.subscribe("finished", listener));
      if (answer === null) await resumed(() => broken.store.subscribe("finished", listener));
      const held = await straight.start(1);
      await straight.settle(held);
      await expect.poll(() => heard, { timeout: RESUMED_MS }).toContain(held.id);
    }),
};

describe.skipIf(isWithoutRedis)("when the network between a queue and Redis breaks", { concurrent: true }, () => {
  for (const fault of FAULTS) {
    for (const [name, run] of Object.entries(calls)) {
      test(`${fault}: ${name} ends in time, and its answer is true`, { timeout: 30_000 }, (context) =>
        run(fault, context),
      );
    }

    test(`${fault}: earlier subscriptions receive signals again`, { timeout: 30_000 }, ({ expect }) =>
      withWays(async ({ proxy, broken, straight }) => {
        const heard: string[] = [];
        await broken.store.subscribe("finished", (signal) => {
          if (signal.kind === "finished") heard.push(...signal.ids);
        });
        proxy.set(fault);
        const [during, after] = [await straight.start(1), await straight.start(2)];
        await straight.settle(during);
        await new Promise((resolve) => setTimeout(resolve, 500));
        proxy.set("none");
        await new Promise((resolve) => setTimeout(resolve, RESUMED_MS));
        await straight.settle(after);
        await expect.poll(() => heard, { timeout: 1_000 }).toContain(after.id);
      }),
    );
  }

  for (const fault of FAULTS)
    test(`${fault}: a cancellation meanwhile reaches the handler before the next heartbeat`, {
      timeout: 30_000,
    }, async ({ expect }) => {
      const proxy = await TcpProxy.before(redis.port);
      const prefix = `network:${prefixes++}:`;
      const worker = new RedisQueue({ url: proxy.url, prefix, lease: "1h" });
      worker.on("error", () => {});
      const aborted = Promise.withResolvers<unknown>();
      background({ name: "waits", queue: worker }, (_: undefined, { signal }) => {
        signal.addEventListener("abort", () => aborted.resolve(signal.reason));
        return aborted.promise;
      });
      const other = new RedisQueue({ url: redis.url, prefix, worker: false });
      const id = await other.enqueue("waits");
      await expect.poll(async () => (await other.getResult(id))?.status).toBe("running");
      proxy.set(fault);
      await other.cancel(id);
      await new Promise((resolve) => setTimeout(resolve, 500));
      proxy.set("none");
      expect(await aborted.promise).toMatchObject({ code: "job_cancelled" });
      await Promise.all([worker.close(), other.close()]);
      await proxy.close();
    });

  for (const [name, before, after] of [
    ["cancel", "pending", "cancelled"],
    ["retry", "cancelled", "pending"],
  ] as const)
    test(
      `cut: a ${name} whose reply is lost is not repeated, since it would then answer false`,
      {
        timeout: 30_000,
      },
      ({ expect }) =>
        withWays(async ({ proxy, broken, straight }) => {
          // Called once before, so that the server knows the script.
          await straight[name](idOf(2));
          await straight.add([1]);
          if (before === "cancelled") await straight.cancel(idOf(1));
          const { connections } = proxy;
          proxy.set("cut");
          const answer = broken[name](idOf(1)).catch((error) => error);
          const isAskedAgain = vi.waitFor(() => expect(proxy.connections).toBeGreaterThan(connections), 10_000);
          await Promise.race([answer, isAskedAgain.catch(() => {})]);
          proxy.set("none");
          expect(await answer).toMatchObject({ code: "queue_unavailable" });
          expect((await straight.record(idOf(1))).status).toBe(after);
          expect(await resumed(() => broken[name](idOf(1)))).toBe(false);
        }),
    );

  test("silent: a connection made during the fault is given up as well", { timeout: 30_000 }, () =>
    withWays(async ({ proxy, broken, straight }) => {
      for (let call = 1; call <= 2; call++)
        expect(await whileBroken(proxy, "silent", () => broken.add([call]))).toBeNull();
      expect(await resumed(() => broken.add([3]))).toEqual(["stored"]);
      expect(await straight.list()).toContain(idOf(3));
    }),
  );

  test("cut: claims whose replies are lost cost their jobs nothing, however many there are", { timeout: 30_000 }, () =>
    withWays(async ({ proxy, broken, straight }) => {
      const other = await straight.start(4, {}, { token: "another's" });
      await straight.add([1, 2], { maxRetries: 0 });
      await straight.add([3], { task: OTHER_TASK, lane: TASK, maxRetries: 0 });
      for (let times = 0; times < 4; times++) {
        expect(await whileBroken(proxy, "cut", () => broken.claim())).toBeNull();
        expect(await straight.record(idOf(1))).toMatchObject({ status: "running", attempts: 1 });
        await resumed(() => broken.claim({ limit: 0 }));
        expect(await straight.record(idOf(1))).toMatchObject({ status: "pending", attempts: 0, losses: 0 });
      }
      const { jobs } = await resumed(() => broken.claim());
      expect(jobs.map((job) => job.id)).toEqual([1, 2, 3].map(idOf));
      for (const job of jobs) expect(job).toMatchObject({ attempts: 1, losses: 0, isLost: false });
      expect(await straight.beat(other)).toBe("held");
    }),
  );

  test(
    "cut: the jobs of a claim are recovered at once, even if it takes long to connect again",
    { timeout: 30_000 },
    () =>
      withWays(async ({ proxy, broken, straight }) => {
        await straight.add([1]);
        // Redis knows all scripts from now on.
        expect(await whileBroken(proxy, "cut", () => broken.claim())).toBeNull();
        expect((await resumed(() => broken.takeOne())).attempts).toBe(1);
        await straight.add([2]);
        expect(await whileBroken(proxy, "cut", () => broken.claim({ leaseMs: 1 }))).toBeNull();
        proxy.set("late");
        const { jobs } = await resumed(() => broken.claim());
        expect(jobs).toMatchObject([{ id: idOf(2), attempts: 1, isLost: false, losses: 0 }]);
      }),
  );

  test(
    "silent: a job is handed back if both its handover and the reply to the next claim are lost",
    {
      timeout: 30_000,
    },
    () =>
      withWays(async ({ proxy, broken, straight }) => {
        const unsubscribe = await broken.store.subscribe("ready", () => {});
        await broken.claim({ offer: "an offer" });
        proxy.set("silent");
        await straight.add([1], { maxRetries: 0 });
        expect(await straight.record(idOf(1))).toMatchObject({ status: "running", attempts: 1 });
        expect(await whileBroken(proxy, "silent", () => broken.claim({ offered: "an offer" }))).toBeNull();
        await vi.waitFor(
          async () => {
            await broken.claim({ limit: 0 });
            expect(await straight.record(idOf(1))).toMatchObject({ status: "pending", attempts: 0, losses: 0 });
          },
          { timeout: 20_000, interval: 100 },
        );
        unsubscribe();
      }),
  );

  test("cut: a job whose handover was received stays with its worker", { timeout: 30_000 }, () =>
    withWays(async ({ proxy, broken, straight }) => {
      const heard = Promise.withResolvers<string | undefined>();
      const unsubscribe = await broken.store.subscribe("ready", (signal) => {
        if (signal.kind === "ready") heard.resolve(signal.handed?.token);
      });
      await broken.claim({ offer: "an offer" });
      await straight.add([1], { maxRetries: 0 });
      expect(await heard.promise).toBe("an offer");
      expect(await whileBroken(proxy, "cut", () => broken.claim({ offered: "an offer" }))).toBeNull();
      for (let look = 0; look < 3; look++) await resumed(() => broken.claim({ limit: 0 }));
      expect(await straight.record(idOf(1))).toMatchObject({ status: "running", attempts: 1 });
      unsubscribe();
    }),
  );

  test("reset: the jobs of a claim that fails while its worker stops are handed back before their leases expire", {
    timeout: 30_000,
  }, async ({ onTestFinished, expect }) => {
    const proxy = await TcpProxy.before(redis.port);
    onTestFinished(() => proxy.close());
    const prefix = `network:${prefixes++}:`;
    // A lease so short that nothing is offered: a claim takes the job.
    const worker = new RedisQueue({ url: proxy.url, prefix, lease: "2900ms" });
    const producer = new RedisQueue({ url: redis.url, prefix, worker: false });
    for (const queue of [worker, producer]) onTestFinished(() => queue.close({ grace: 0 }));
    background({ name: "work", queue: worker }, (_: null, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    await worker.start();
    proxy.set("late");
    const id = await producer.enqueue("work", null);
    const job = () => producer.getResult(id);
    await vi.waitFor(async () => expect(await job()).toMatchObject({ status: "running" }), {
      timeout: 10_000,
      interval: 10,
    });
    const stopped = worker.stop({ grace: "10s" });
    // The reply is on its way, and never arrives.
    proxy.set("reset");
    proxy.set("none");
    await stopped;
    expect(await job()).toMatchObject({ status: "pending", attempts: 0, errors: [] });
  });

  test("cut: a lost job stays lost if the reply to the claim that took it over is cut off", { timeout: 30_000 }, () =>
    withWays(async ({ proxy, broken, straight }) => {
      await straight.start(1, {}, { leaseMs: 50 });
      broken.clock.move(60);
      expect(await whileBroken(proxy, "cut", () => broken.claim())).toBeNull();
      // At once, and not only when the lease of that claim has expired as well.
      const { jobs } = await resumed(() => broken.claim());
      expect(jobs).toMatchObject([{ id: idOf(1), attempts: 1, isLost: true, losses: 0 }]);
    }, "own"),
  );

  test("narrow: what takes longer to send than a call may take goes in several calls, and nothing is done twice", {
    timeout: 30_000,
  }, async ({ expect }) => {
    const proxy = await TcpProxy.before(redis.port);
    proxy.set("narrow");
    const prefix = `network:${prefixes++}:`;
    const open = (url: string, isWorker: boolean) => new RedisQueue({ url, prefix, worker: isWorker });
    const [producer, worker, watcher] = [open(proxy.url, false), open(proxy.url, true), open(redis.url, false)];
    const errors: unknown[] = [];
    for (const queue of [producer, worker]) queue.on("error", (event) => errors.push(event));
    let runs = 0;
    const text = "x".repeat(900_000);
    background({ name: "echo", queue: worker, maxRetries: 0 }, async (told: string) => {
      runs++;
      return told;
    });
    await worker.stop();
    // All 12 in one call would take 2.7 s.
    const ids = await Promise.all(Array.from({ length: 12 }, () => producer.enqueue("echo", text)));
    await worker.start();
    const results = await Promise.all(ids.map((id) => watcher.wait(id, { timeout: "25s" })));
    expect(results.every(({ status, result }) => status === "completed" && result === text)).toBe(true);
    expect([runs, errors]).toEqual([ids.length, []]);
    await Promise.all([worker, producer, watcher].map((queue) => queue.close()));
    await proxy.close();
  });

  test(`a network that breaks ${BREAKS} times under a worker costs no job an attempt`, {
    timeout: 20_000 + BREAKS * 3_000,
  }, async ({ expect }) => {
    const proxy = await TcpProxy.before(redis.port);
    const prefix = `network:${prefixes++}:`;
    const worker = new RedisQueue({ url: proxy.url, prefix, concurrency: 10 });
    worker.on("error", () => {});
    background({ name: "echo", queue: worker, maxRetries: 0 }, async (n: number) => {
      await new Promise((resolve) => setTimeout(resolve, n % 10));
      return n;
    });
    const producer = new RedisQueue({ url: redis.url, prefix, worker: false });
    const ids: string[] = [];
    for (let breaks = 0; breaks < BREAKS; breaks++) {
      for (let n = 0; n < 30; n++) ids.push(await producer.enqueue("echo", n));
      proxy.set(FAULTS[breaks % FAULTS.length] as Fault);
      await new Promise((resolve) => setTimeout(resolve, 10 + ((breaks * 37) % 200)));
      proxy.set("none");
      await producer.wait(ids.at(-1) as string, { timeout: "10s" });
    }
    for (const id of ids) {
      const job = await producer.wait(id, { timeout: "10s" });
      expect(job).toMatchObject({ status: "completed", attempts: 1, errors: [] });
    }
    await Promise.all([worker.close(), producer.close()]);
    await proxy.close();
  });

  // One at a time, since they measure time.
  for (const fault of FAULTS) {
    test(`${fault}: a worker goes on with jobs that were enqueued meanwhile`, {
      concurrent: false,
      timeout: 30_000,
    }, async () => {
      const proxy = await TcpProxy.before(redis.port);
      const prefix = `network:${prefixes++}:`;
      const worker = new RedisQueue({ url: proxy.url, prefix });
      worker.on("error", () => {});
      const task = background({ name: "echo", queue: worker }, async (text: string) => text);
      const producer = new RedisQueue({ url: redis.url, prefix, worker: false });
      const first = await producer.enqueue("echo", "before");
      expect(await producer.wait(first, { timeout: "5s" })).toMatchObject({ result: "before" });

      proxy.set(fault);
      const ids = await Promise.all([1, 2, 3].map((n) => producer.enqueue("echo", String(n))));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      proxy.set("none");
      const healedAt = performance.now();
      for (const id of ids) expect(await producer.wait(id, { timeout: "20s" })).toMatchObject({ status: "completed" });
      expect(performance.now() - healedAt).toBeLessThan(RESUMED_MS);
      expect(await task.getResult(ids[0] as string)).toMatchObject({ result: "1" });
      await Promise.all([worker.close(), producer.close()]);
      await proxy.close();
    });
  }
});
