import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, patchOf } from "./scene.ts";

const NONE = { ageMs: null, count: 0 };

export const getCases: readonly StoreCase[] = [
  storeCase("get: an empty store has no records", async ({ store }) => {
    assert.deepEqual(await store.get([idOf(1)], { isDetailed: true, holdMs: 0 }), [null]);
    assert.deepEqual(await store.get([], { isDetailed: true, holdMs: 0 }), []);
  }),

  storeCase("get: records are in the order of the ids, with null for those that do not exist", async (scene) => {
    await scene.add([1, 2, 3]);
    const ids = [3, 9, 1, 3].map(idOf);
    const records = await scene.store.get(ids, { isDetailed: false, holdMs: 0 });
    assert.deepEqual(
      records.map((record) => record?.id ?? null),
      [idOf(3), null, idOf(1), idOf(3)],
    );
  }),

  storeCase("get: payload and logs are included when asked for, and else empty", async (scene) => {
    const usage = { inputTokens: 1, outputTokens: 2, cost: 0.5 };
    const held = await scene.start(1, { payload: '"large"' });
    const progress = { fraction: 1, done: null, total: null, message: "there" };
    const patch = patchOf({ logs: ["one", "two"], usage, progress });
    await scene.settle(held, { to: "completed", result: '"result"', failure: FAILURE, patch });
    const detailed = await scene.record(idOf(1));
    assert.deepEqual([detailed.payload, detailed.logs], ['"large"', ["one", "two"]]);
    const [brief] = await scene.store.get([idOf(1)], { isDetailed: false, holdMs: 0 });
    assert.deepEqual(brief, { ...detailed, payload: "", logs: [] });
  }),

  storeCase("get: reading changes nothing", async (scene) => {
    const held = await scene.start(1);
    const before = await scene.record(idOf(1));
    scene.clock.move(10);
    await scene.find(idOf(1), 60_000);
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.equal(await scene.settle(held), "settled");
  }),

  storeCase("get: a held job outlives its pruning until the hold is over", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "failed");
    await scene.store.get([1, 2].map(idOf), { isDetailed: false, holdMs: 1_000 });
    scene.clock.move(999);
    assert.equal(await scene.prune({ completed: NONE, failed: NONE }), 0);
    scene.clock.move(1);
    assert.equal(await scene.prune({ completed: NONE, failed: NONE }), 2);
    assert.equal(await scene.find(idOf(1)), null);
  }),

  storeCase("get: a job may be held before it is finished", async (scene) => {
    await scene.add([1]);
    await scene.find(idOf(1), 1_000);
    const held = await scene.takeOne();
    await scene.settle(held);
    assert.equal(await scene.prune({ completed: NONE }), 0);
    scene.clock.move(1_000);
    assert.equal(await scene.prune({ completed: NONE }), 1);
  }),

  storeCase("get: a job that does not exist yet is not held", async (scene) => {
    assert.equal(await scene.find(idOf(1), 1_000), null);
    await scene.finish(1, "completed");
    assert.equal(await scene.prune({ completed: NONE }), 1);
  }),

  storeCase("get: reading without a hold neither ends an existing hold nor makes one", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "completed");
    await scene.find(idOf(1), 1_000);
    await scene.find(idOf(1), 0);
    await scene.find(idOf(2), 0);
    assert.equal(await scene.prune({ completed: NONE }), 1);
    assert.deepEqual(await scene.list(), [idOf(1)]);
  }),

  storeCase("get: the longest hold counts", async (scene) => {
    await scene.finish(1, "completed");
    await scene.find(idOf(1), 1_000);
    await scene.find(idOf(1), 10);
    scene.clock.move(500);
    assert.equal(await scene.prune({ completed: NONE }), 0);
    await scene.find(idOf(1), 1_000);
    scene.clock.move(999);
    assert.equal(await scene.prune({ completed: NONE }), 0);
    scene.clock.move(1);
    assert.equal(await scene.prune({ completed: NONE }), 1);
  }),
];
