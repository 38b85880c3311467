import assert from "node:assert/strict";
import { MAX_LOG_LINES, MAX_PAST_ATTEMPTS } from "../../background/core/limits.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, type Held, idOf, LEASE_MS, patchOf } from "./scene.ts";

export const settleCases: readonly StoreCase[] = [
  storeCase("settle: a completed job is done now and has its result", async (scene) => {
    const held = await scene.start(1);
    const before = await scene.record(idOf(1));
    scene.clock.move(40);
    assert.equal(await scene.settle(held, { to: "completed", result: '{"ok":true}' }), "settled");
    assert.deepEqual(await scene.record(idOf(1)), {
      ...before,
      status: "completed",
      result: '{"ok":true}',
      completedAt: scene.clock.now(),
    });
  }),

  storeCase("settle: a failed job is done now, has no result and remembers the error", async (scene) => {
    const startedAt = scene.clock.now();
    const held = await scene.start(1, {}, { worker: "worker-7" });
    const before = await scene.record(idOf(1));
    scene.clock.move(40);
    assert.equal(await scene.settle(held, { to: "failed", failure: FAILURE }), "settled");
    const endedAt = scene.clock.now();
    assert.deepEqual(await scene.record(idOf(1)), {
      ...before,
      status: "failed",
      completedAt: endedAt,
      past: [{ ...FAILURE, attempt: 1, worker: "worker-7", startedAt, endedAt }],
    });
  }),

  storeCase("settle: only a completed job has a result, which may be null", async (scene) => {
    for (const [n, to] of (["failed", "pending"] as const).entries()) {
      await scene.settle(await scene.start(n), { to, delayMs: 60_000, result: '"no"' });
      assert.equal((await scene.record(idOf(n))).result, null);
    }
    await scene.settle(await scene.start(3), { result: null });
    const record = await scene.record(idOf(3));
    assert.deepEqual([record.status, record.result], ["completed", null]);
  }),

  storeCase("settle: a job to be retried is pending until its delay is over", async (scene) => {
    const held = await scene.start(1);
    const before = await scene.record(idOf(1));
    scene.clock.move(40);
    assert.equal(await scene.settle(held, { to: "pending", delayMs: 500 }), "settled");
    const runAt = scene.clock.now() + 500;
    assert.deepEqual(await scene.record(idOf(1)), { ...before, status: "pending", runAt });
    scene.clock.move(499);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("settle: a retry delay may be longer than a timer can hold", async (scene) => {
    const delayMs = 2 ** 40;
    await scene.settle(await scene.start(1), { to: "pending", delayMs });
    assert.equal((await scene.record(idOf(1))).runAt, scene.clock.now() + delayMs);
    scene.clock.move(delayMs);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("settle: a retry without delay is due now", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(40);
    await scene.settle(held, { to: "pending", delayMs: 0 });
    assert.equal((await scene.record(idOf(1))).runAt, scene.clock.now());
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("settle: a job handed back keeps runAt and startedAt, and the attempt does not count", async (scene) => {
    const startedAt = scene.clock.now();
    const held = await scene.start(1);
    scene.clock.move(40);
    await scene.settle(held, { to: "pending", isUncounted: true });
    const record = await scene.record(idOf(1));
    assert.deepEqual(
      [record.status, record.runAt, record.startedAt, record.attempts, record.losses],
      ["pending", startedAt, startedAt, 0, 0],
    );
    assert.deepEqual([record.attemptedAt, record.worker, record.past], [startedAt, "worker-1", []]);
    const again = await scene.takeOne();
    assert.equal(again.attempts, 1);
    assert.equal((await scene.record(idOf(1))).startedAt, startedAt);
  }),

  storeCase("settle: an attempt counts unless it is marked as uncounted", async (scene) => {
    for (const [n, to] of (["completed", "failed", "pending"] as const).entries()) {
      await scene.settle(await scene.start(n), { to, delayMs: 60_000 });
      assert.equal((await scene.record(idOf(n))).attempts, 1);
    }
  }),

  storeCase("settle: a loss is counted, apart from the attempts", async (scene) => {
    await scene.start(1);
    for (const losses of [1, 2]) {
      scene.clock.move(LEASE_MS);
      const lost = await scene.takeOne();
      assert.equal(lost.losses, losses - 1);
      await scene.settle(lost, { to: "pending", isLoss: true, failure: FAILURE });
      const record = await scene.record(idOf(1));
      assert.deepEqual([record.losses, record.attempts], [losses, losses]);
      await scene.takeOne();
    }
  }),

  storeCase("settle: a completed attempt may count as a loss, or not count, like any other", async (scene) => {
    await scene.settle(await scene.start(1), { to: "completed", isLoss: true });
    await scene.settle(await scene.start(2), { to: "completed", isUncounted: true });
    const [loss, uncounted] = [await scene.record(idOf(1)), await scene.record(idOf(2))];
    assert.deepEqual([loss.losses, loss.attempts, uncounted.losses, uncounted.attempts], [1, 1, 0, 0]);
  }),

  storeCase("settle: of two outcomes in one call the first counts, also next to a cancelled attempt", async (scene) => {
    await scene.add([1, 2]);
    const request = scene.request({ limit: 2 });
    await scene.store.claim(request);
    await scene.cancel(idOf(2));
    const [one, two] = [1, 2].map((n) => ({ id: idOf(n), token: request.token }));
    const answers = await scene.store.settle([
      scene.settlement(one as Held, { result: '"first"' }),
      scene.settlement(two as Held),
      scene.settlement(one as Held, { to: "failed", failure: FAILURE }),
    ]);
    assert.deepEqual(answers, ["settled", "cancelled", "lost"]);
    assert.equal((await scene.record(idOf(1))).result, '"first"');
  }),

  storeCase("settle: a lost attempt is remembered as that of the worker that lost it", async (scene) => {
    const startedAt = scene.clock.now();
    await scene.start(1, {}, { worker: "worker-1" });
    scene.clock.move(LEASE_MS);
    const lost = await scene.takeOne({ worker: "worker-2" });
    scene.clock.move(5);
    await scene.settle(lost, { to: "failed", isLoss: true, failure: FAILURE });
    const endedAt = startedAt + LEASE_MS + 5;
    const expected = [{ ...FAILURE, attempt: 1, worker: "worker-1", startedAt, endedAt }];
    assert.deepEqual((await scene.record(idOf(1))).past, expected);
  }),

  storeCase("settle: an uncounted attempt that failed is remembered under its number", async (scene) => {
    await scene.settle(await scene.start(1), { to: "pending", isUncounted: true, failure: FAILURE });
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.attempts, record.past.map((past) => past.attempt)], [0, [1]]);
  }),

  storeCase("settle: failures are remembered in order, without a stack where there is none", async (scene) => {
    await scene.start(1);
    await scene.cancel(idOf(1));
    await scene.retry(idOf(1));
    for (const message of ["one", "two"]) {
      const held = await scene.takeOne();
      scene.clock.move(10);
      await scene.settle(held, { to: "pending", delayMs: 0, failure: { name: "Error", message, stack: null } });
    }
    await scene.settle(await scene.takeOne());
    const { past, status } = await scene.record(idOf(1));
    assert.equal(status, "completed");
    assert.deepEqual(
      past.map(({ message, stack, attempt }) => [message, stack, attempt]),
      [
        ["one", null, 2],
        ["two", null, 3],
      ],
    );
  }),

  storeCase("settle: the newest failures are kept", async (scene) => {
    await scene.add([1]);
    const total = MAX_PAST_ATTEMPTS + 3;
    for (let n = 1; n <= total; n++) {
      const failure = { ...FAILURE, message: `failure ${n}` };
      await scene.settle(await scene.takeOne(), { to: "pending", delayMs: 0, failure });
      assert.equal((await scene.record(idOf(1))).past.length, Math.min(n, MAX_PAST_ATTEMPTS));
    }
    const { past } = await scene.record(idOf(1));
    assert.deepEqual([past[0]?.message, past[0]?.attempt], ["failure 4", 4]);
    assert.deepEqual([past.at(-1)?.message, past.at(-1)?.attempt], [`failure ${total}`, total]);
  }),

  storeCase("settle: what an attempt reported last is stored with its outcome", async (scene) => {
    const progress = { fraction: 1, done: 2, total: 2, message: "done" };
    const usage = { inputTokens: 1, outputTokens: 2, cost: null };
    for (const [n, to] of (["completed", "failed", "pending"] as const).entries()) {
      const held = await scene.start(n);
      await scene.beat(held, { logs: ["one"] });
      await scene.settle(held, { to, delayMs: 60_000, patch: patchOf({ progress, usage, logs: ["two"] }) });
      const record = await scene.record(idOf(n));
      assert.deepEqual([record.progress, record.usage, record.logs], [progress, usage, ["one", "two"]]);
    }
  }),

  storeCase("settle: without a patch, what was reported stays", async (scene) => {
    const progress = { fraction: 0.5, done: 1, total: 2, message: null };
    const held = await scene.start(1);
    await scene.beat(held, { logs: ["one"], progress });
    await scene.settle(held);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.progress, record.logs], [progress, ["one"]]);
  }),

  storeCase("settle: log lines that come with the outcome are limited too", async (scene) => {
    const logs = Array.from({ length: MAX_LOG_LINES + 2 }, (_, n) => `${n}`);
    await scene.settle(await scene.start(1), { patch: patchOf({ logs }) });
    assert.deepEqual((await scene.record(idOf(1))).logs, logs.slice(2));
  }),

  storeCase("settle: a token that is not the current one is refused and changes nothing", async (scene) => {
    const held = await scene.start(1);
    const before = await scene.record(idOf(1));
    for (const to of ["completed", "failed", "pending"] as const) {
      const stale = { to, delayMs: 5, isUncounted: true, isLoss: true, failure: FAILURE };
      const patch = patchOf({ logs: ["not mine"] });
      assert.equal(await scene.settle({ id: held.id, token: "another" }, { ...stale, patch }), "lost");
      assert.equal(await scene.settle({ id: held.id, token: "" }, { ...stale, patch }), "lost");
    }
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.equal(await scene.settle(held), "settled");
  }),

  storeCase(
    "settle: of attempts that end together, one that was lost neither ends nor affects the others",
    async (scene) => {
      await scene.add([1, 2]);
      const request = scene.request();
      const { jobs } = await scene.store.claim(request);
      const mine = jobs.map(({ id }): Held => ({ id, token: request.token }));
      scene.clock.move(LEASE_MS - 1);
      await scene.beat(mine[0] as Held);
      scene.clock.move(1);
      const taken = await scene.takeOne({ worker: "worker-2" });
      assert.equal(taken.id, idOf(2));
      assert.deepEqual(await scene.store.settle(mine.map((held) => scene.settlement(held))), ["settled", "lost"]);
      assert.equal((await scene.record(idOf(1))).status, "completed");
      assert.equal((await scene.record(idOf(2))).status, "running");
      assert.equal(await scene.settle(taken), "settled");
    },
  ),

  storeCase("settle: a job that never ran or does not exist is answered lost", async (scene) => {
    await scene.add([1]);
    const before = await scene.record(idOf(1));
    for (const token of ["any", ""]) assert.equal(await scene.settle({ id: idOf(1), token }), "lost");
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.equal(await scene.settle({ id: idOf(2), token: "any" }), "lost");
    assert.equal(await scene.find(idOf(2)), null);
  }),

  storeCase("settle: the jobs of a batch are independent", async (scene) => {
    const held = [await scene.start(1), await scene.start(2), await scene.start(3), await scene.start(4)] as const;
    await scene.cancel(held[3].id);
    const answers = await scene.store.settle([
      scene.settlement(held[0]),
      scene.settlement({ id: idOf(9), token: "any" }),
      scene.settlement(held[1], { to: "failed", failure: FAILURE }),
      scene.settlement({ ...held[2], token: "another" }),
      scene.settlement(held[3]),
      scene.settlement(held[2], { to: "pending", delayMs: 9 }),
    ]);
    assert.deepEqual(answers, ["settled", "lost", "settled", "lost", "cancelled", "settled"]);
    const records = await scene.store.get([1, 2, 3, 4].map(idOf), { isDetailed: false, holdMs: 0 });
    assert.deepEqual(
      records.map((record) => record?.status),
      ["completed", "failed", "pending", "cancelled"],
    );
    assert.deepEqual(await scene.store.settle([]), []);
  }),

  storeCase(
    "settle: each of the jobs claimed together gets its own result, also after one that is refused",
    async (scene) => {
      await scene.add([1, 2, 3]);
      const request = scene.request();
      await scene.store.claim(request);
      await scene.cancel(idOf(1));
      const settlements = [1, 2, 3].map((n) =>
        scene.settlement({ id: idOf(n), token: request.token }, { result: `"the result of ${n}"` }),
      );
      assert.deepEqual(await scene.store.settle(settlements), ["cancelled", "settled", "settled"]);
      const records = await scene.store.get([1, 2, 3].map(idOf), { isDetailed: false, holdMs: 0 });
      assert.deepEqual(
        records.map((record) => record?.result),
        [null, '"the result of 2"', '"the result of 3"'],
      );
    },
  ),
];
