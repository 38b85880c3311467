import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, newJob, OTHER_TASK } from "./scene.ts";

function numbers(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}

export const concurrencyCases: readonly StoreCase[] = [
  storeCase("at once: many claims never hand out the same job twice", async (scene) => {
    await scene.add(numbers(100));
    const claims = numbers(20).map((n) => scene.take({ worker: `worker-${n}`, limit: 7 }));
    const taken = (await Promise.all(claims)).flat();
    assert.deepEqual(taken.toSorted(), numbers(100).map(idOf));
  }),

  storeCase("at once: a lost job comes back to one of many", async (scene) => {
    await scene.add(numbers(10));
    await scene.take();
    scene.clock.move(LEASE_MS);
    const claims = numbers(10).map((n) => scene.take({ worker: `worker-${n}`, lostLimit: 3 }));
    const taken = (await Promise.all(claims)).flat();
    assert.deepEqual(taken.toSorted(), numbers(10).map(idOf));
  }),

  storeCase("at once: of enqueues with one id, one stores", async (scene) => {
    const answers = await Promise.all(
      numbers(10).map((n) => scene.store.enqueue([newJob(1, n % 2 === 0 ? {} : { task: OTHER_TASK })])),
    );
    assert.equal(answers.flat().filter((answer) => answer === "stored").length, 1);
    assert.deepEqual(await scene.list(), [idOf(1)]);
  }),

  storeCase("at once: of a cancel and a settlement one wins, and both are told which", async (scene) => {
    for (let n = 0; n < 20; n++) {
      const held = await scene.start(n);
      const cancel = () => scene.cancel(held.id);
      const settle = () => scene.settle(held);
      const [first, second] = await Promise.all(n % 2 === 0 ? [cancel(), settle()] : [settle(), cancel()]);
      const [isCancelled, end] = n % 2 === 0 ? [first, second] : [second, first];
      const { status } = await scene.record(held.id);
      assert.equal(status, isCancelled ? "cancelled" : "completed");
      assert.equal(end, isCancelled ? "cancelled" : "settled");
    }
  }),

  storeCase("at once: of a cancel and a claim, the job is cancelled, whoever was first", async (scene) => {
    for (let n = 0; n < 10; n++) {
      await scene.add([n]);
      const request = scene.request();
      const [isCancelled, { jobs }] = await Promise.all([scene.cancel(idOf(n)), scene.store.claim(request)]);
      assert.equal(isCancelled, true);
      assert.equal((await scene.record(idOf(n))).status, "cancelled");
      if (jobs.length > 0) assert.equal(await scene.beat({ id: idOf(n), token: request.token }), "cancelled");
    }
  }),

  storeCase("at once: of many cancels one succeeds", async (scene) => {
    await scene.add([1]);
    const answers = await Promise.all(numbers(10).map((n) => scene.cancel(idOf(1), `${n}`)));
    assert.equal(answers.filter(Boolean).length, 1);
    assert.equal((await scene.record(idOf(1))).cancelledBy, `${answers.indexOf(true)}`);
  }),

  storeCase("at once: of a late settlement and the recovery one wins", async (scene) => {
    for (let n = 0; n < 10; n++) {
      const held = await scene.start(n);
      scene.clock.move(LEASE_MS);
      const request = scene.request();
      const [end, { jobs }] = await Promise.all([scene.settle(held), scene.store.claim(request)]);
      assert.equal(jobs.length, end === "settled" ? 0 : 1);
      if (end === "settled") assert.equal((await scene.record(held.id)).status, "completed");
      else assert.equal(await scene.settle({ id: held.id, token: request.token }), "settled");
    }
  }),

  storeCase(
    "at once: of many settlements of one attempt the first counts, and equal ones are confirmed",
    async (scene) => {
      const held = await scene.start(1);
      const ends = numbers(9).map((n) => (["completed", "failed", "pending"] as const)[n % 3] as "completed");
      const answers = await Promise.all(ends.map((to) => scene.settle(held, { to })));
      const { status } = await scene.record(idOf(1));
      assert.deepEqual(
        answers,
        ends.map((to) => (to === status ? "settled" : "lost")),
      );
    },
  ),

  storeCase("at once: concurrent prunes remove every job once", async (scene) => {
    for (const n of numbers(12)) await scene.finish(n, "completed");
    const completed = { ageMs: null, count: 2 };
    const removed = await Promise.all(numbers(5).map(() => scene.prune({ completed, limit: 3 })));
    assert.equal(
      removed.reduce((sum, count) => sum + count, 0),
      10,
    );
    assert.deepEqual(await scene.list(), [11, 10].map(idOf));
  }),
];
