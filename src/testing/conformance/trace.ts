import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { ALL_JOBS, FAILURE, idOf, LEASE_MS, newJob } from "./scene.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/** A trace of maximum length. */
const LONGEST = `${TRACE} vendor=${"x".repeat(512 - TRACE.length - " vendor=".length)}`;

export const traceCases: readonly StoreCase[] = [
  storeCase("trace: each job of a batch has its own, or none", async (scene) => {
    const traces = [null, TRACE, null, LONGEST, "__proto__"];
    await scene.store.enqueue(traces.map((trace, n) => newJob(n, { trace })));
    for (const [n, trace] of traces.entries()) assert.equal((await scene.record(idOf(n))).trace, trace);
    const listed = await scene.store.list({ ...ALL_JOBS, limit: 9 });
    assert.deepEqual(
      listed.map((record) => record.trace),
      traces.toReversed(),
    );
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map((job) => job.trace),
      traces,
    );
  }),

  storeCase("trace: delayed jobs and jobs with long payloads have theirs too", async (scene) => {
    await scene.add([1], { trace: TRACE, delayMs: 1_000 });
    await scene.add([2], { trace: TRACE, payload: `"${"x".repeat(10_000)}"` });
    scene.clock.move(1_000);
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map((job) => job.trace),
      [TRACE, TRACE],
    );
  }),

  storeCase(
    "trace: every attempt gets it, whether the previous one failed, was lost or was retried by hand",
    async (scene) => {
      const held = await scene.start(1, { trace: TRACE, maxRetries: 1 });
      await scene.settle(held, { to: "pending", delayMs: 0, failure: FAILURE });
      assert.equal((await scene.takeOne()).trace, TRACE);
      scene.clock.move(LEASE_MS);
      const lost = await scene.takeOne();
      assert.deepEqual([lost.isLost, lost.trace], [true, TRACE]);
      await scene.settle(lost, { to: "failed", isLoss: true, failure: FAILURE });
      assert.equal(await scene.retry(idOf(1)), true);
      const again = await scene.takeOne();
      assert.equal(again.trace, TRACE);
      await scene.settle(again, { to: "completed" });
      assert.equal((await scene.record(idOf(1))).trace, TRACE);
    },
  ),

  storeCase("trace: a job that is known keeps the one it came with", async (scene) => {
    await scene.add([1], { trace: TRACE });
    assert.deepEqual(await scene.add([1], { trace: LONGEST }), ["known"]);
    assert.equal((await scene.record(idOf(1))).trace, TRACE);
  }),

  storeCase("trace: it is removed with its job, and does not pass to the next one with that id", async (scene) => {
    await scene.finish(1, "completed", { trace: TRACE });
    await scene.prune({ completed: { ageMs: null, count: 0 } });
    await scene.add([1]);
    assert.equal((await scene.record(idOf(1))).trace, null);
    assert.equal((await scene.takeOne()).trace, null);
  }),
];
