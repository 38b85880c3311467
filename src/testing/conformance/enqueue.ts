import assert from "node:assert/strict";
import type { JobRecord } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, newJob, OTHER_TASK, patchOf, TASK } from "./scene.ts";

const DAY_MS = 86_400_000;

export const enqueueCases: readonly StoreCase[] = [
  storeCase("enqueue: a new job is pending, and every field has its initial value", async (scene) => {
    const now = scene.clock.now();
    assert.deepEqual(await scene.store.enqueue([newJob(1, { payload: '{"to":"ada"}', maxRetries: 5 })]), ["stored"]);
    const expected: JobRecord = {
      v: 1,
      id: idOf(1),
      task: TASK,
      status: "pending",
      payload: '{"to":"ada"}',
      result: null,
      maxRetries: 5,
      attempts: 0,
      attemptLimit: 6,
      losses: 0,
      createdAt: now,
      runAt: now,
      startedAt: null,
      attemptedAt: null,
      completedAt: null,
      worker: null,
      cancelledBy: null,
      progress: null,
      usage: null,
      trace: null,
      past: [],
      logs: [],
    };
    assert.deepEqual(await scene.record(idOf(1)), expected);
  }),

  storeCase("enqueue: without retries there is one attempt", async (scene) => {
    await scene.add([1], { maxRetries: 0 });
    assert.equal((await scene.record(idOf(1))).attemptLimit, 1);
  }),

  storeCase("enqueue: an empty batch has an empty answer", async ({ store }) => {
    assert.deepEqual(await store.enqueue([]), []);
    assert.deepEqual((await store.count()).tasks, new Map());
  }),

  storeCase("enqueue: a thousand jobs go in one batch", async (scene) => {
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    assert.deepEqual(
      await scene.add(numbers),
      numbers.map(() => "stored"),
    );
    assert.equal((await scene.store.count()).tasks.get(TASK)?.pending, 1_000);
    assert.deepEqual(await scene.take(), numbers.map(idOf));
  }),

  storeCase("enqueue: the same id and task again is known and changes nothing", async (scene) => {
    await scene.add([1], { payload: '"first"', maxRetries: 1 });
    const before = await scene.record(idOf(1));
    scene.clock.move(5);
    const again = { payload: '"second"', maxRetries: 9, delayMs: 1_000, lane: "elsewhere" };
    assert.deepEqual(await scene.add([1], again), ["known"]);
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.deepEqual(await scene.take({ lanes: [{ lane: "elsewhere", limit: 1 }] }), []);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("enqueue: a known job is left as it is while it runs", async (scene) => {
    const held = await scene.start(1);
    assert.deepEqual(await scene.add([1]), ["known"]);
    assert.deepEqual(await scene.take(), []);
    assert.equal(await scene.settle(held), "settled");
  }),

  storeCase("enqueue: a known job is left as it is once it is done", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "failed");
    await scene.finish(3, "cancelled");
    const before = await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n))));
    assert.deepEqual(await scene.add([1, 2, 3]), ["known", "known", "known"]);
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => scene.record(idOf(n)))), before);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("enqueue: another task's id is a conflict and stores nothing", async (scene) => {
    await scene.add([1]);
    const before = await scene.record(idOf(1));
    assert.deepEqual(await scene.add([1], { task: OTHER_TASK, payload: '"mine"' }), ["conflict"]);
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.deepEqual(await scene.take({ lanes: [{ lane: OTHER_TASK, limit: 1 }] }), []);
    assert.deepEqual([...(await scene.store.count()).tasks.keys()], [TASK]);
  }),

  storeCase("enqueue: of jobs with the same id in a batch, the first counts", async (scene) => {
    const answers = await scene.store.enqueue([
      newJob(1, { payload: '"first"' }),
      newJob(1, { payload: '"second"' }),
      newJob(1, { task: OTHER_TASK }),
    ]);
    assert.deepEqual(answers, ["stored", "known", "conflict"]);
    assert.equal((await scene.record(idOf(1))).payload, '"first"');
    assert.deepEqual(await scene.take(), [idOf(1)]);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("enqueue: answers are in the order of the batch", async (scene) => {
    await scene.add([2, 4]);
    const answers = await scene.store.enqueue([
      newJob(1),
      newJob(2),
      newJob(3),
      newJob(4, { task: OTHER_TASK }),
      newJob(5),
      newJob(3),
    ]);
    assert.deepEqual(answers, ["stored", "known", "stored", "conflict", "stored", "known"]);
  }),

  storeCase("enqueue: a delay is counted from now, and ends exactly on time", async (scene) => {
    await scene.add([1], { delayMs: 1_000 });
    assert.equal((await scene.record(idOf(1))).runAt, scene.clock.now() + 1_000);
    scene.clock.move(999);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("enqueue: runAt is kept, and a delay given as well is ignored", async (scene) => {
    const runAt = scene.clock.now() + 2_000;
    await scene.add([1], { runAt, delayMs: 60_000 });
    assert.equal((await scene.record(idOf(1))).runAt, runAt);
    scene.clock.move(1_999);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("enqueue: a runAt in the past means now", async (scene) => {
    const now = scene.clock.now();
    await scene.store.enqueue([
      newJob(1, { runAt: now - DAY_MS }),
      newJob(2, { runAt: 0 }),
      newJob(3, { runAt: -DAY_MS }),
      newJob(4, { runAt: now - 1, delayMs: 1_000 }),
    ]);
    for (const n of [1, 2, 3, 4]) assert.equal((await scene.record(idOf(n))).runAt, now);
    assert.deepEqual(await scene.take(), [1, 2, 3, 4].map(idOf));
  }),

  storeCase("enqueue: waits longer than a timer can hold are kept to the millisecond", async (scene) => {
    const delays = [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 100 * 365 * DAY_MS];
    await scene.store.enqueue(delays.map((delayMs, n) => newJob(n, { delayMs })));
    let passed = 0;
    for (const [n, delayMs] of delays.entries()) {
      assert.equal((await scene.record(idOf(n))).runAt, scene.clock.now() - passed + delayMs);
      scene.clock.move(delayMs - passed - 1);
      assert.deepEqual(await scene.take({ lostLimit: 0 }), []);
      scene.clock.move(1);
      passed = delayMs;
      assert.deepEqual(await scene.take({ lostLimit: 0 }), [idOf(n)]);
    }
  }),

  storeCase("enqueue: the last instant that ISO 8601 can express is a valid runAt", async (scene) => {
    const runAt = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
    await scene.add([1], { runAt });
    assert.equal((await scene.record(idOf(1))).runAt, runAt);
    assert.equal((await scene.claim()).nextDueMs, runAt - scene.clock.now());
  }),

  storeCase("enqueue: a record keeps the version it came with", async (scene) => {
    await scene.add([1], { v: 2 });
    assert.equal((await scene.record(idOf(1))).v, 2);
  }),

  storeCase("enqueue: the smallest and the greatest id are ids like any other", async (scene) => {
    const least = "00000000-0000-7000-8000-000000000000";
    const greatest = "ffffffff-ffff-7fff-bfff-ffffffffffff";
    const jobs = [greatest, least].map((id) => newJob(0, { id }));
    assert.deepEqual(await scene.store.enqueue(jobs), ["stored", "stored"]);
    assert.deepEqual(await scene.list(), [greatest, least]);
    assert.deepEqual(await scene.list({ before: greatest }), [least]);
    assert.deepEqual(await scene.list({ before: least }), []);
    assert.deepEqual(await scene.take(), [least, greatest]);
  }),

  storeCase(
    "enqueue: an id can be used again once its job was pruned, and nothing of that job remains",
    async (scene) => {
      const long = `"${"x".repeat(10_000)}"`;
      const first = await scene.start(1, { payload: long });
      await scene.settle(first, { to: "pending", delayMs: 0, failure: FAILURE });
      const held = await scene.takeOne();
      await scene.settle(held, { to: "completed", result: long, patch: patchOf({ logs: ["old"] }) });
      assert.equal(await scene.prune({ completed: { ageMs: null, count: 0 } }), 1);
      assert.deepEqual(await scene.add([1], { task: OTHER_TASK, lane: OTHER_TASK }), ["stored"]);
      const fresh = await scene.record(idOf(1));
      assert.deepEqual([fresh.status, fresh.attempts, fresh.task, fresh.result], ["pending", 0, OTHER_TASK, null]);
      assert.deepEqual([fresh.logs, fresh.past], [[], []]);
      assert.equal(await scene.settle(held), "lost");
      assert.equal(await scene.beat(held), "lost");
      // Nor are its own logs and errors mixed with those of the previous job.
      const again = await scene.takeOne({ lanes: [{ lane: OTHER_TASK, limit: 9 }] });
      await scene.settle(again, { to: "failed", failure: FAILURE, patch: patchOf({ logs: ["new"] }) });
      const { logs, past } = await scene.record(idOf(1));
      assert.deepEqual([logs, past.length], [["new"], 1]);
      assert.equal(await scene.prune({ failed: { ageMs: null, count: 0 } }), 1);
      assert.equal(await scene.find(idOf(1)), null);
    },
  ),
];
