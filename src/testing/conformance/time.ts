import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, TASK } from "./scene.ts";

export const timeCases: readonly StoreCase[] = [
  storeCase("time: the store's time does not go back with the clock", async (scene) => {
    await scene.add([1]);
    const createdAt = scene.clock.now();
    scene.clock.move(-60_000);
    await scene.add([2]);
    assert.equal((await scene.record(idOf(2))).createdAt, createdAt);
    const held = await scene.takeOne();
    await scene.settle(held);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.startedAt, record.attemptedAt, record.completedAt], [createdAt, createdAt, createdAt]);
  }),

  storeCase(
    "time: the store's time goes on more slowly while the clock is behind, until it has caught up",
    async (scene) => {
      const startedAt = scene.clock.now();
      const told = async () => (await scene.store.count()).at - startedAt;
      await scene.add([1]);
      scene.clock.move(-60_000);
      assert.equal(await told(), 0);
      scene.clock.move(1_000);
      assert.equal(await told(), 900);
      scene.clock.move(3);
      assert.equal(await told(), 902);
      scene.clock.move(59_000);
      assert.equal(await told(), 54_002);
      scene.clock.move(540_000);
      assert.equal(await told(), scene.clock.now() - startedAt);
      scene.clock.move(1);
      assert.equal(await told(), scene.clock.now() - startedAt);
    },
  ),

  storeCase("time: the store's time goes on from where it is when the clock is set back once more", async (scene) => {
    const startedAt = scene.clock.now();
    const told = async () => (await scene.store.count()).at - startedAt;
    await scene.add([1]);
    scene.clock.move(-60_000);
    assert.equal(await told(), 0);
    scene.clock.move(10_000);
    assert.equal(await told(), 9_000);
    // Less than it was set back the first time.
    scene.clock.move(-5_000);
    assert.equal(await told(), 9_000);
    scene.clock.move(1_000);
    assert.equal(await told(), 9_900);
    scene.clock.move(-3_600_000);
    assert.equal(await told(), 9_900);
    scene.clock.move(1_000);
    assert.equal(await told(), 10_800);
  }),

  storeCase("time: what the clock was behind before is forgotten once it has caught up", async (scene) => {
    const startedAt = scene.clock.now();
    const told = async () => (await scene.store.count()).at - startedAt;
    await scene.add([1]);
    scene.clock.move(-10_000);
    assert.equal(await told(), 0);
    // One reading is enough to notice that the clock has caught up, however slowly time went before.
    scene.clock.move(10_000);
    assert.equal(await told(), 0);
    scene.clock.move(-1_000);
    assert.equal(await told(), 0);
    scene.clock.move(500);
    assert.equal(await told(), 450);
  }),

  storeCase("time: a year that the clock was set back holds up no delay and no lease", async (scene) => {
    scene.clock.move(365 * 86_400_000);
    await scene.start(1);
    scene.clock.move(-365 * 86_400_000);
    await scene.add([2], { delayMs: 1_000 });
    scene.clock.move(1_111);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(2)]);
    scene.clock.move(2 * LEASE_MS);
    assert.deepEqual(await scene.take(), [1, 2].map(idOf));
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

  storeCase("time: an expired lease stays expired when the clock is set back", async (scene) => {
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
