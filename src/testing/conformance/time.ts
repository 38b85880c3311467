import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, TASK } from "./scene.ts";

export const timeCases: readonly StoreCase[] = [
  storeCase("time: it stands still while the clock is set back", async (scene) => {
    await scene.add([1]);
    const createdAt = scene.clock.now();
    scene.clock.move(-60_000);
    await scene.add([2]);
    assert.equal((await scene.record(idOf(2))).createdAt, createdAt);
    const held = await scene.takeOne();
    await scene.settle(held);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.startedAt, record.attemptedAt, record.completedAt], [createdAt, createdAt, createdAt]);
    scene.clock.move(60_001);
    await scene.cancel(idOf(2));
    assert.equal((await scene.record(idOf(2))).completedAt, createdAt + 1);
  }),

  storeCase("time: a job that was due stays due when the clock is set back", async (scene) => {
    await scene.add([1], { delayMs: 1_000 });
    scene.clock.move(1_000);
    assert.equal((await scene.claim({ limit: 0 })).nextDueMs, 0);
    scene.clock.move(-1_000);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("time: the order of a lane stays when the clock is set back", async (scene) => {
    await scene.add([5]);
    scene.clock.move(-60_000);
    await scene.add([9]);
    assert.deepEqual(await scene.take(), [5, 9].map(idOf));
  }),

  storeCase("time: a lease that ran out stays run out when the clock is set back", async (scene) => {
    await scene.start(1);
    scene.clock.move(LEASE_MS);
    assert.deepEqual((await scene.store.count()).workers, []);
    scene.clock.move(-60_000);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("time: a worker that is gone stays gone when the clock is set back", async (scene) => {
    const worker = { id: "worker-1", tasks: [TASK], slots: 1, concurrency: {}, version: "0.1.0" };
    await scene.store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1_000, beats: [] });
    scene.clock.move(1_000);
    assert.deepEqual((await scene.store.count()).workers, []);
    scene.clock.move(-1_000);
    assert.deepEqual((await scene.store.count()).workers, []);
  }),
];
