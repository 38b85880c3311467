import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, OTHER_TASK, TASK } from "./scene.ts";

export const cancelCases: readonly StoreCase[] = [
  storeCase("cancel: a pending job is cancelled now, by whom it says, and never runs", async (scene) => {
    await scene.add([1]);
    const before = await scene.record(idOf(1));
    scene.clock.move(40);
    assert.equal(await scene.cancel(idOf(1), "ada"), true);
    const completedAt = scene.clock.now();
    assert.deepEqual(await scene.record(idOf(1)), { ...before, status: "cancelled", completedAt, cancelledBy: "ada" });
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("cancel: a running job is cancelled now, and its attempt is ended", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, { logs: ["one"], progress: { fraction: 0.5, done: null, total: null, message: null } });
    const before = await scene.record(idOf(1));
    scene.clock.move(40);
    assert.equal(await scene.cancel(idOf(1)), true);
    const completedAt = scene.clock.now();
    assert.deepEqual(await scene.record(idOf(1)), { ...before, status: "cancelled", completedAt, cancelledBy: null });
    assert.equal(await scene.settle(held), "cancelled");
    assert.equal((await scene.record(idOf(1))).status, "cancelled");
  }),

  storeCase("cancel: a delayed job is cancelled and does not come due", async (scene) => {
    await scene.add([1], { delayMs: 1_000 });
    assert.equal(await scene.cancel(idOf(1)), true);
    scene.clock.move(1_000);
    assert.deepEqual(await scene.claim(), { jobs: [], nextDueMs: null });
  }),

  storeCase("cancel: a delayed job that is cancelled holds up none behind it", async (scene) => {
    await scene.add([1, 2], { delayMs: 1_000 });
    await scene.cancel(idOf(1));
    scene.clock.move(1_000);
    assert.deepEqual(await scene.take({ limit: 1 }), [idOf(2)]);
  }),

  storeCase("cancel: a job that waits to be retried is cancelled and keeps its past", async (scene) => {
    await scene.settle(await scene.start(1), { to: "pending", delayMs: 1_000, failure: FAILURE });
    assert.equal(await scene.cancel(idOf(1)), true);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.status, record.attempts, record.past.length], ["cancelled", 1, 1]);
    scene.clock.move(1_000);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("cancel: finished jobs stay as they are", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "failed");
    await scene.finish(3, "cancelled");
    const before = await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n))));
    scene.clock.move(5);
    for (const n of [1, 2, 3]) assert.equal(await scene.cancel(idOf(n), "too late"), false);
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n)))), before);
  }),

  storeCase("cancel: a job that does not exist is not cancelled", async (scene) => {
    assert.equal(await scene.cancel(idOf(1)), false);
    assert.equal(await scene.find(idOf(1)), null);
  }),

  storeCase("cancel: another task's job is not cancelled", async (scene) => {
    await scene.add([1]);
    assert.equal(await scene.cancel(idOf(1), "ada", OTHER_TASK), false);
    assert.equal((await scene.record(idOf(1))).status, "pending");
    assert.equal(await scene.cancel(idOf(1), "ada", TASK), true);
  }),

  storeCase("cancel: another task's running job goes on", async (scene) => {
    const held = await scene.start(1);
    assert.equal(await scene.cancel(idOf(1), null, OTHER_TASK), false);
    assert.equal(await scene.beat(held), "held");
  }),

  storeCase("cancel: the same job twice in a batch is cancelled once", async (scene) => {
    await scene.add([1]);
    const answers = await scene.store.cancel([
      { id: idOf(1), task: null, by: "first" },
      { id: idOf(1), task: null, by: "second" },
    ]);
    assert.deepEqual(answers, [true, false]);
    assert.equal((await scene.record(idOf(1))).cancelledBy, "first");
  }),

  storeCase("cancel: the jobs of a batch are independent", async (scene) => {
    await scene.add([1, 4]);
    await scene.finish(2, "completed", { task: OTHER_TASK });
    const requests = [1, 2, 3, 4].map((n) => ({ id: idOf(n), task: n === 4 ? OTHER_TASK : null, by: null }));
    assert.deepEqual(await scene.store.cancel(requests), [true, false, false, false]);
    assert.deepEqual(await scene.take(), [idOf(4)]);
    assert.deepEqual(await scene.store.cancel([]), []);
  }),
];
