import assert from "node:assert/strict";
import type { StatusCounts } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, OTHER_TASK, TASK } from "./scene.ts";

function counts(fields: Partial<StatusCounts>): StatusCounts {
  return { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, ...fields };
}

export const countCases: readonly StoreCase[] = [
  storeCase("count: an empty store has no tasks and no workers", async ({ store, clock }) => {
    assert.deepEqual(await store.count(), { at: clock.now(), tasks: new Map(), workers: [] });
  }),

  storeCase("count: says when it was counted, by the clock that decides what is due", async (scene) => {
    await scene.add([1], { delayMs: 500 });
    scene.clock.move(499);
    const { at } = await scene.store.count();
    assert.equal((await scene.record(idOf(1))).runAt - at, 1);
    scene.clock.move(-10_000);
    assert.equal((await scene.store.count()).at, at);
  }),

  storeCase("count: every job is counted once, under its task and status", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "completed");
    await scene.finish(3, "failed");
    await scene.finish(4, "cancelled");
    await scene.start(5);
    await scene.add([6, 7, 8]);
    await scene.add([9], { delayMs: 60_000 });
    await scene.add([10, 11], { task: OTHER_TASK });
    const expected = new Map([
      [TASK, counts({ pending: 4, running: 1, completed: 2, failed: 1, cancelled: 1 })],
      [OTHER_TASK, counts({ pending: 2 })],
    ]);
    assert.deepEqual((await scene.store.count()).tasks, expected);
  }),

  storeCase("count: counts follow a job through its life", async (scene) => {
    const now = async () => (await scene.store.count()).tasks.get(TASK);
    const held = await scene.start(1);
    assert.deepEqual(await now(), counts({ running: 1 }));
    await scene.settle(held, { to: "pending", delayMs: 0 });
    assert.deepEqual(await now(), counts({ pending: 1 }));
    await scene.takeOne();
    scene.clock.move(LEASE_MS);
    assert.deepEqual(await now(), counts({ running: 1 }));
    await scene.settle(await scene.takeOne(), { to: "failed" });
    assert.deepEqual(await now(), counts({ failed: 1 }));
    await scene.retry(idOf(1));
    assert.deepEqual(await now(), counts({ pending: 1 }));
    await scene.cancel(idOf(1));
    assert.deepEqual(await now(), counts({ cancelled: 1 }));
  }),

  storeCase("count: record versions and lanes of a task are counted together", async (scene) => {
    await scene.add([1]);
    await scene.add([2], { v: 2 });
    await scene.add([3], { lane: "urgent" });
    assert.deepEqual((await scene.store.count()).tasks, new Map([[TASK, counts({ pending: 3 })]]));
  }),

  storeCase("count: a task without jobs is not counted, and may have jobs again", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "failed", { task: OTHER_TASK });
    await scene.prune({ completed: { ageMs: null, count: 0 } });
    assert.deepEqual((await scene.store.count()).tasks, new Map([[OTHER_TASK, counts({ failed: 1 })]]));
    await scene.add([3]);
    assert.deepEqual((await scene.store.count()).tasks.get(TASK), counts({ pending: 1 }));
  }),

  storeCase(
    "count: a job that was pruned is neither counted nor listed, while others of its kind stay",
    async (scene) => {
      for (const [n, to] of (["completed", "failed"] as const).entries()) {
        await scene.finish(2 * n, to);
        scene.clock.move(1);
        await scene.finish(2 * n + 1, to);
      }
      const one = { ageMs: null, count: 1 };
      assert.equal(await scene.prune({ completed: one, failed: one }), 2);
      assert.deepEqual((await scene.store.count()).tasks.get(TASK), counts({ completed: 1, failed: 1 }));
      assert.deepEqual(await scene.list({ status: "completed" }), [idOf(1)]);
      assert.deepEqual(await scene.list({ status: "failed" }), [idOf(3)]);
    },
  ),

  storeCase("count: calls that were refused change no counts", async (scene) => {
    await scene.add([1]);
    await scene.add([1]);
    await scene.add([1], { task: OTHER_TASK });
    await scene.take({ lanes: [{ lane: "unknown", limit: 1 }] });
    await scene.list({ task: "unknown" });
    assert.deepEqual((await scene.store.count()).tasks, new Map([[TASK, counts({ pending: 1 })]]));
  }),
];
