import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, LEASE_MS, patchOf } from "./scene.ts";

const ENDS = ["completed", "failed", "pending"] as const;

export const settleAgainCases: readonly StoreCase[] = [
  storeCase("settle again: the same outcome is answered as before and changes nothing", async (scene) => {
    for (const [n, to] of ENDS.entries()) {
      const held = await scene.start(n);
      const end = { to, delayMs: 60_000, isLoss: true, failure: FAILURE, patch: patchOf({ logs: ["once"] }) };
      assert.equal(await scene.settle(held, end), "settled");
      const before = await scene.record(held.id);
      scene.clock.move(5);
      assert.equal(await scene.settle(held, end), "settled");
      assert.equal(await scene.settle(held, { ...end, result: '"other"', delayMs: 1, isUncounted: true }), "settled");
      assert.deepEqual(await scene.record(held.id), before);
    }
  }),

  storeCase("settle again: another outcome of the same attempt is refused", async (scene) => {
    for (const [n, first] of ENDS.entries()) {
      const held = await scene.start(n);
      await scene.settle(held, { to: first, delayMs: 60_000 });
      const before = await scene.record(held.id);
      for (const to of ENDS) {
        assert.equal(await scene.settle(held, { to, delayMs: 1, failure: FAILURE }), to === first ? "settled" : "lost");
      }
      assert.deepEqual(await scene.record(held.id), before);
    }
  }),

  storeCase("settle again: within a batch too, the second outcome changes nothing", async (scene) => {
    const held = await scene.start(1);
    const answers = await scene.store.settle([
      scene.settlement(held, { result: '"first"', patch: patchOf({ logs: ["once"] }) }),
      scene.settlement(held, { result: '"second"', patch: patchOf({ logs: ["twice"] }) }),
      scene.settlement(held, { to: "failed", failure: FAILURE }),
      scene.settlement(held, { to: "pending" }),
    ]);
    assert.deepEqual(answers, ["settled", "settled", "lost", "lost"]);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.status, record.result, record.logs, record.past], ["completed", '"first"', ["once"], []]);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("settle again: a retry is answered as before, even when the job is running again", async (scene) => {
    const first = await scene.start(1);
    await scene.settle(first, { to: "pending", delayMs: 0 });
    const second = await scene.takeOne();
    const before = await scene.record(idOf(1));
    assert.equal(await scene.settle(first, { to: "pending", delayMs: 0 }), "settled");
    assert.equal(await scene.settle(first, { to: "completed" }), "lost");
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.equal(await scene.beat(second), "held");
  }),

  storeCase("settle again: the attempt that ended last is the one remembered", async (scene) => {
    const first = await scene.start(1);
    await scene.settle(first, { to: "pending", delayMs: 0 });
    const second = await scene.takeOne();
    await scene.settle(second, { to: "pending", delayMs: 0 });
    assert.equal(await scene.settle(second, { to: "pending", delayMs: 0 }), "settled");
    assert.equal(await scene.settle(first, { to: "pending", delayMs: 0 }), "lost");
  }),

  storeCase("settle again: after a cancel, every outcome of that attempt is answered cancelled", async (scene) => {
    const held = await scene.start(1);
    await scene.cancel(held.id);
    const before = await scene.record(held.id);
    for (const to of ENDS) {
      const late = { to, delayMs: 0, failure: FAILURE, patch: patchOf({ logs: ["late"] }) };
      assert.equal(await scene.settle(held, late), "cancelled");
    }
    assert.equal(await scene.settle({ ...held, token: "another" }), "lost");
    assert.deepEqual(await scene.record(held.id), before);
  }),

  storeCase("settle again: a cancelled attempt stays cancelled when the job is retried by hand", async (scene) => {
    const held = await scene.start(1);
    await scene.cancel(held.id);
    await scene.retry(held.id);
    assert.equal(await scene.settle(held), "cancelled");
    const next = await scene.takeOne();
    assert.equal(await scene.settle(held), "cancelled");
    assert.equal(await scene.settle(next), "settled");
    assert.equal(await scene.settle(held), "lost");
  }),

  storeCase("settle again: a failed attempt is answered as before after the job was retried by hand", async (scene) => {
    const held = await scene.start(1);
    await scene.settle(held, { to: "failed", failure: FAILURE });
    await scene.retry(held.id);
    const before = await scene.record(held.id);
    assert.equal(await scene.settle(held, { to: "failed", failure: FAILURE }), "settled");
    assert.deepEqual(await scene.record(held.id), before);
  }),

  storeCase("settle again: a cancel during a retry wait ends no attempt", async (scene) => {
    const held = await scene.start(1);
    await scene.settle(held, { to: "pending", delayMs: 60_000 });
    await scene.cancel(held.id);
    assert.equal(await scene.settle(held, { to: "pending", delayMs: 60_000 }), "settled");
    assert.equal(await scene.settle(held, { to: "completed" }), "lost");
    assert.equal(await scene.beat(held), "lost");
    assert.equal((await scene.record(held.id)).status, "cancelled");
    await scene.retry(held.id);
    assert.equal(await scene.settle(held, { to: "pending", delayMs: 60_000 }), "settled");
    assert.equal(await scene.beat(held), "lost");
  }),

  storeCase("settle again: a lost attempt did not end, so that any outcome of its is answered lost", async (scene) => {
    const old = await scene.start(1);
    scene.clock.move(LEASE_MS);
    const next = await scene.takeOne();
    await scene.settle(next, { to: "pending", isLoss: true, delayMs: 0 });
    for (const to of ENDS) assert.equal(await scene.settle(old, { to, delayMs: 0 }), "lost");
    assert.equal(await scene.settle(next, { to: "pending", isLoss: true, delayMs: 0 }), "settled");
    assert.equal((await scene.record(idOf(1))).losses, 1);
  }),

  storeCase("settle again: once the job was pruned, its attempts are unknown", async (scene) => {
    const held = await scene.start(1);
    await scene.settle(held);
    await scene.prune({ completed: { ageMs: null, count: 0 } });
    assert.equal(await scene.settle(held), "lost");
    assert.equal(await scene.find(held.id), null);
  }),
];
