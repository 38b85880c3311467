import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, LEASE_MS, OTHER_TASK, patchOf, TASK } from "./scene.ts";

export const retryCases: readonly StoreCase[] = [
  storeCase("retry: a failed job is due now, with a new budget, and keeps its attempts and errors", async (scene) => {
    const usage = { inputTokens: 1, outputTokens: 2, cost: null };
    const held = await scene.start(1, { maxRetries: 2 });
    await scene.settle(held, { to: "failed", failure: FAILURE, patch: patchOf({ logs: ["one"], usage }) });
    const before = await scene.record(idOf(1));
    scene.clock.move(40);
    assert.equal(await scene.retry(idOf(1)), true);
    assert.deepEqual(await scene.record(idOf(1)), {
      ...before,
      status: "pending",
      runAt: scene.clock.now(),
      completedAt: null,
      attemptLimit: 4,
    });
    const again = await scene.takeOne();
    assert.deepEqual([again.attempts, again.attemptLimit, again.maxRetries, again.usage], [2, 4, 2, usage]);
    assert.equal((await scene.record(idOf(1))).startedAt, before.startedAt);
  }),

  storeCase("retry: a cancelled job is due now, and cancelledBy is cleared", async (scene) => {
    await scene.add([1], { delayMs: 60_000 });
    const before = await scene.record(idOf(1));
    await scene.cancel(idOf(1), "ada");
    scene.clock.move(40);
    assert.equal(await scene.retry(idOf(1)), true);
    assert.deepEqual(await scene.record(idOf(1)), { ...before, runAt: scene.clock.now() });
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("retry: a delayed job that was cancelled, and is retried when it was to run, runs once", async (scene) => {
    await scene.add([1], { delayMs: 60_000 });
    await scene.cancel(idOf(1));
    scene.clock.move(60_000);
    await scene.retry(idOf(1));
    assert.deepEqual(await scene.take(), [idOf(1)]);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("retry: losses are counted anew", async (scene) => {
    await scene.start(1);
    scene.clock.move(LEASE_MS);
    await scene.settle(await scene.takeOne(), { to: "failed", isLoss: true, failure: FAILURE });
    assert.equal((await scene.record(idOf(1))).losses, 1);
    await scene.retry(idOf(1));
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.losses, record.attempts, record.attemptLimit, record.past.length], [0, 1, 5, 1]);
  }),

  storeCase("retry: the budget counts from the attempts so far, each time", async (scene) => {
    await scene.add([1], { maxRetries: 0 });
    for (const attempts of [1, 2, 3]) {
      const held = await scene.takeOne();
      assert.deepEqual([held.attempts, held.attemptLimit], [attempts, attempts]);
      await scene.settle(held, { to: "failed" });
      assert.equal(await scene.retry(idOf(1)), true);
      assert.equal((await scene.record(idOf(1))).attemptLimit, attempts + 1);
    }
  }),

  storeCase("retry: the job goes to the end of its own lane", async (scene) => {
    await scene.finish(1, "failed", { lane: "urgent" });
    scene.clock.move(1);
    await scene.add([2], { lane: "urgent" });
    scene.clock.move(1);
    await scene.retry(idOf(1));
    assert.deepEqual(await scene.take(), []);
    assert.deepEqual(await scene.take({ lanes: [{ lane: "urgent", limit: 9 }] }), [2, 1].map(idOf));
  }),

  storeCase("retry: what is pending, running or completed stays as it is", async (scene) => {
    await scene.finish(1, "completed");
    const held = await scene.start(2);
    await scene.add([3], { delayMs: 500 });
    const before = await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n))));
    scene.clock.move(5);
    for (const n of [1, 2, 3]) assert.equal(await scene.retry(idOf(n)), false);
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n)))), before);
    assert.equal(await scene.settle(held), "settled");
  }),

  storeCase("retry: a job that does not exist is not retried", async (scene) => {
    assert.equal(await scene.retry(idOf(1)), false);
    assert.equal(await scene.find(idOf(1)), null);
  }),

  storeCase("retry: another task's job is not retried", async (scene) => {
    await scene.finish(1, "failed");
    assert.equal(await scene.retry(idOf(1), OTHER_TASK), false);
    assert.equal((await scene.record(idOf(1))).status, "failed");
    assert.equal(await scene.retry(idOf(1), TASK), true);
  }),

  storeCase("retry: the same job twice in a batch is retried once", async (scene) => {
    await scene.finish(1, "failed");
    await scene.finish(2, "cancelled");
    await scene.finish(3, "completed");
    const requests = [1, 1, 2, 3, 4].map((n) => ({ id: idOf(n), task: null }));
    assert.deepEqual(await scene.store.retry(requests), [true, false, true, false, false]);
    assert.deepEqual(await scene.take(), [1, 2].map(idOf));
    assert.deepEqual(await scene.store.retry([]), []);
  }),

  storeCase("retry: a job may fail and be retried many times within one instant", async (scene) => {
    await scene.add([1, 2]);
    for (let n = 0; n < 5; n++) {
      const request = scene.request();
      assert.equal((await scene.store.claim(request)).jobs.length, 2);
      await scene.settle({ id: idOf(1), token: request.token }, { to: "failed" });
      await scene.cancel(idOf(2));
      assert.deepEqual(await scene.list({ status: "failed" }), [idOf(1)]);
      assert.deepEqual(await scene.store.retry([1, 2].map((job) => ({ id: idOf(job), task: null }))), [true, true]);
      assert.deepEqual(await scene.list({ status: "failed" }), []);
      assert.equal(await scene.cancel(idOf(1)), true);
      assert.equal(await scene.retry(idOf(1)), true);
    }
    assert.deepEqual(await scene.take({ limit: 5 }), [1, 2].map(idOf));
    assert.deepEqual(await scene.claim(), { jobs: [], nextDueMs: null });
  }),

  storeCase("retry: a retried job is no longer finished, and can finish again", async (scene) => {
    await scene.finish(1, "failed");
    scene.clock.move(100);
    await scene.retry(idOf(1));
    assert.equal(await scene.prune({ failed: { ageMs: 0, count: 0 } }), 0);
    scene.clock.move(100);
    await scene.settle(await scene.takeOne(), { to: "completed" });
    assert.equal((await scene.record(idOf(1))).completedAt, scene.clock.now());
    assert.equal(await scene.prune({ failed: { ageMs: 0, count: 0 } }), 0);
    assert.equal(await scene.prune({ completed: { ageMs: 0, count: null } }), 0);
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 0 } }), 1);
  }),
];
