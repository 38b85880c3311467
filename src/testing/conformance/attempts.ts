import assert from "node:assert/strict";
import { MAX_PAST_ATTEMPTS } from "../../background/core/limits.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, patchOf } from "./scene.ts";

const USAGE = { inputTokens: 1, outputTokens: 2, cost: 0.5 };

/** What a job keeps from one attempt to the next. */
export const attemptCases: readonly StoreCase[] = [
  storeCase("attempts: startedAt stays that of the first attempt, attemptedAt is that of the latest", async (scene) => {
    const startedAt = scene.clock.now();
    await scene.settle(await scene.start(1), { to: "pending", delayMs: 0, failure: FAILURE });
    scene.clock.move(500);
    for (const to of ["pending", "failed"] as const) {
      await scene.settle(await scene.takeOne(), { to, delayMs: to === "pending" ? 0 : null, failure: FAILURE });
      const record = await scene.record(idOf(1));
      assert.deepEqual([record.startedAt, record.attemptedAt], [startedAt, startedAt + 500]);
    }
  }),

  storeCase("attempts: one that used nothing leaves the usage of earlier ones, however it ends", async (scene) => {
    for (const [n, to] of (["completed", "failed", "pending"] as const).entries()) {
      await scene.settle(await scene.start(n), { to: "pending", delayMs: 0, patch: patchOf({ usage: USAGE }) });
      await scene.settle(await scene.takeOne(), { to, delayMs: to === "pending" ? 60_000 : null });
      assert.deepEqual((await scene.record(idOf(n))).usage, USAGE);
    }
  }),

  storeCase("attempts: one that ends without an error leaves the errors before it", async (scene) => {
    for (const [n, to] of (["completed", "failed", "pending"] as const).entries()) {
      await scene.settle(await scene.start(n), { to: "pending", delayMs: 0, failure: FAILURE });
      await scene.settle(await scene.takeOne(), { to, delayMs: to === "pending" ? 60_000 : null });
      assert.deepEqual(
        (await scene.record(idOf(n))).past.map(({ attempt, message }) => [attempt, message]),
        [[1, FAILURE.message]],
      );
    }
  }),

  storeCase("attempts: an error's code is kept, and one without has none", async (scene) => {
    await scene.settle(await scene.start(1), { to: "pending", delayMs: 0, failure: { ...FAILURE, code: "E_MAIL" } });
    await scene.settle(await scene.takeOne(), { to: "failed", failure: FAILURE });
    const { past } = await scene.record(idOf(1));
    assert.deepEqual(
      past.map((failure) => ("code" in failure ? failure.code : "none")),
      ["E_MAIL", "none"],
    );
  }),

  storeCase("attempts: one that was lost leaves the errors before it", async (scene) => {
    await scene.settle(await scene.start(1), { to: "pending", delayMs: 0, failure: FAILURE });
    await scene.settle(await scene.takeOne(), { to: "pending", isLoss: true });
    assert.equal((await scene.record(idOf(1))).past.length, 1);
  }),

  storeCase("attempts: one that completes although it had an error is stored with the error", async (scene) => {
    await scene.settle(await scene.start(1), { to: "completed", failure: FAILURE });
    const { status, past } = await scene.record(idOf(1));
    assert.deepEqual([status, past.map(({ message }) => message)], ["completed", [FAILURE.message]]);
  }),

  storeCase("attempts: a job that fails again and again takes no errors of another", async (scene) => {
    await scene.settle(await scene.start(1), { to: "failed", failure: FAILURE });
    await scene.settle(await scene.start(2), { to: "pending", delayMs: 0, failure: FAILURE });
    for (let n = 0; n <= MAX_PAST_ATTEMPTS; n++)
      await scene.settle(await scene.takeOne(), { to: "pending", delayMs: 0, failure: FAILURE });
    assert.equal((await scene.record(idOf(1))).past.length, 1);
    assert.equal((await scene.record(idOf(2))).past.length, MAX_PAST_ATTEMPTS);
  }),

  storeCase("attempts: one that was lost leaves the job's position and its budget as they are", async (scene) => {
    await scene.settle(await scene.start(1, { maxRetries: 1 }), { to: "failed" });
    scene.clock.move(1_000);
    await scene.retry(idOf(1));
    const { runAt, attemptLimit } = await scene.record(idOf(1));
    await scene.settle(await scene.takeOne(), { to: "pending", isLoss: true });
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.runAt, record.attemptLimit, record.losses], [runAt, attemptLimit, 1]);
  }),

  storeCase("attempts: only one that will be retried changes the job's runAt", async (scene) => {
    for (const [n, to] of (["completed", "failed"] as const).entries()) {
      const held = await scene.start(n);
      const { runAt } = await scene.record(idOf(n));
      await scene.settle(held, { to, delayMs: 60_000 });
      assert.equal((await scene.record(idOf(n))).runAt, runAt);
    }
  }),
];
