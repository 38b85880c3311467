import { background, InMemoryQueue } from "rapidai/background";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { ClaimRequest } from "../../../src/background/core/store.ts";
import { hangs, rejects } from "./faulty-store.ts";
import { scene } from "./scene.ts";

const codes = (health: { readonly warnings: readonly { readonly code: string }[] }) =>
  health.warnings.map(({ code }) => code);

describe("health()", () => {
  test("says that jobs of a queue in memory end with the process", async () => {
    const queue = new InMemoryQueue();
    const health = await queue.health();
    expect(health.details).toMatchObject({ survivesRestarts: false });
    expect(health.warnings[0]).toMatchObject({ code: "not_durable", remedy: expect.stringContaining("SqliteQueue") });
    await queue.close();
  });

  test("warns while no worker is alive, and says how many jobs are waiting for one", async () => {
    const { queue } = scene({ worker: false });
    expect(codes(await queue.health())).toContain("no_worker");
    const message = async () => (await queue.health()).warnings.find(({ code }) => code === "no_worker")?.message;
    await queue.enqueue("orphan", 1);
    expect(await message()).toBe("No worker is alive, and 1 job is waiting for one.");
    await queue.enqueueMany("orphan", [2, 3]);
    expect(await message()).toBe("No worker is alive, and 3 jobs are waiting for one.");
  });

  test("explains why a worker that is running may not count as alive", async () => {
    const { queue } = scene({ worker: false });
    const remedy = (await queue.health()).warnings.find(({ code }) => code === "no_worker")?.remedy;
    expect(remedy).toMatch(/another queue \(url, prefix\), have a blocked event loop/);
  });

  test("lists the worker of a host named health, and no health check", async () => {
    const { queue, store } = scene({ worker: false });
    const worker = { id: "health:1:abc", tasks: ["work"], slots: 1, concurrency: {}, version: "1" };
    await store.heartbeat({ worker, presenceMs: 60_000, leaseMs: 60_000, beats: [] });
    const [health, other] = await Promise.all([queue.health(), queue.health()]);
    expect(health.workers).toEqual([worker]);
    expect(other.workers).toEqual([worker]);
  });

  test("names a few of the tasks that have waiting jobs and no live worker", async () => {
    const { queue, clock } = scene();
    await background({ queue }, async function served() {}).enqueue();
    await clock.advance("1m");
    expect(codes(await queue.health())).toEqual(["not_durable"]);
    for (let n = 1; n <= 7; n++) await queue.enqueue(`renamed-${n}`, null);
    const { isHealthy, warnings } = await queue.health();
    expect(isHealthy).toBe(true);
    expect(warnings.at(-1)).toMatchObject({ code: "no_worker_for_task" });
    expect(warnings.at(-1)?.message).toBe(
      "7 jobs are waiting, and no live worker has their task: renamed-1, renamed-2, renamed-3, renamed-4, renamed-5 and 2 more.",
    );
  });

  test("still says what it can when one of its two calls to the store fails or hangs", async () => {
    const { queue, store } = scene();
    store.on("describe", rejects());
    expect(await queue.health()).toMatchObject({ isHealthy: true, error: null, details: {} });
    store.on("describe", hangs());
    expect(await queue.health()).toMatchObject({ isHealthy: true, error: null, details: {} });
    store.heal();
    store.on("claim", rejects());
    expect(await queue.health()).toMatchObject({
      isHealthy: false,
      error: "the store is away",
      details: { survivesRestarts: false },
    });
  });

  test("gives a locked or silent store, which fails after two seconds, the time to say why", async () => {
    const { queue, store } = scene();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const locked = new Error("The file was locked for too long.");
    store.on("claim", () => new Promise((_, reject) => setTimeout(() => reject(locked), 2_100)));
    const asked = queue.health();
    await vi.advanceTimersByTimeAsync(2_100);
    expect(await asked).toMatchObject({ isHealthy: false, error: locked.message });
  });

  test("is bad while a damaged record makes only its worker's claims fail, and good again once a claim succeeds", async () => {
    const { queue, store, clock } = scene();
    const work = background({ queue }, async function work() {});
    await clock.drain();
    store.on("claim", (call, [request]) =>
      (request as ClaimRequest).lanes.length > 0 ? Promise.reject(new Error("That record is damaged.")) : call(),
    );
    const jobId = await work.enqueue();
    await clock.advance(0);
    expect(await queue.health()).toMatchObject({ isHealthy: false, error: "That record is damaged." });
    const why = await queue.explain(jobId);
    expect(why?.causes[0]).toMatchObject({ code: "backend_unhealthy" });
    expect(why?.causes[0]?.message).toContain("That record is damaged.");
    store.heal();
    expect(await queue.health()).toMatchObject({ isHealthy: true, error: null });
    expect(await work.wait(jobId)).toMatchObject({ status: "completed" });
  });

  test("is bad while its worker cannot start, and good again once it can", async () => {
    const { queue, store, clock } = scene();
    store.on("subscribe", rejects());
    const work = background({ queue }, async function work() {});
    await clock.drain();
    expect(await queue.health()).toMatchObject({ isHealthy: false, error: "the store is away" });
    store.heal();
    expect(await queue.health()).toMatchObject({ isHealthy: true, error: null });
    expect(await work.wait(await work.enqueue())).toMatchObject({ status: "completed" });
  });

  test("is bad for a closed queue, and has no details", async () => {
    const queue = new InMemoryQueue();
    background({ queue }, async function idle() {});
    await queue.close();
    expect(await queue.health()).toMatchObject({ isHealthy: false, details: {}, workers: [] });
  });
});
