import assert from "node:assert/strict";
import type { ClaimedJob } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, LEASE_MS, OTHER_TASK, patchOf, TASK } from "./scene.ts";

const LANES = [
  { lane: TASK, limit: 1_000 },
  { lane: OTHER_TASK, limit: 1_000 },
];

export const claimCases: readonly StoreCase[] = [
  storeCase("claim: an empty store returns nothing", async (scene) => {
    assert.deepEqual(await scene.claim(), { jobs: [], nextDueMs: null });
  }),

  storeCase("claim: a claimed job is running from now on, on this worker", async (scene) => {
    await scene.add([1]);
    const before = await scene.record(idOf(1));
    scene.clock.move(7);
    await scene.takeOne({ worker: "worker-7" });
    const now = scene.clock.now();
    assert.deepEqual(await scene.record(idOf(1)), {
      ...before,
      status: "running",
      attempts: 1,
      startedAt: now,
      attemptedAt: now,
      worker: "worker-7",
    });
  }),

  storeCase("claim: a worker is told what the attempt needs to know", async (scene) => {
    await scene.add([1], { payload: '{"to":"ada"}', maxRetries: 2 });
    const createdAt = scene.clock.now();
    scene.clock.move(7);
    const expected: ClaimedJob = {
      v: 1,
      id: idOf(1),
      task: TASK,
      payload: '{"to":"ada"}',
      isLost: false,
      worker: "worker-7",
      attempts: 1,
      attemptLimit: 3,
      maxRetries: 2,
      losses: 0,
      createdAt,
      runAt: createdAt,
      attemptedAt: createdAt + 7,
      usage: null,
      trace: null,
    };
    assert.deepEqual((await scene.claim({ worker: "worker-7" })).jobs, [expected]);
  }),

  storeCase("claim: every attempt counts, startedAt stays, and attemptedAt changes", async (scene) => {
    const usage = { inputTokens: 5, outputTokens: 7, cost: 0.25 };
    const startedAt = scene.clock.now();
    const first = await scene.start(1);
    scene.clock.move(100);
    await scene.settle(first, { to: "pending", delayMs: 50, failure: FAILURE, patch: patchOf({ usage }) });
    scene.clock.move(60);
    const second = await scene.takeOne({ worker: "worker-2" });
    assert.equal(second.attempts, 2);
    assert.deepEqual(second.usage, usage);
    assert.equal(second.attemptedAt, startedAt + 160);
    assert.equal(second.runAt, startedAt + 150);
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.attempts, record.startedAt, record.attemptedAt], [2, startedAt, startedAt + 160]);
    assert.equal(record.worker, "worker-2");
  }),

  storeCase("claim: progress of an earlier attempt is cleared, its logs and usage are kept", async (scene) => {
    const held = await scene.start(1);
    const progress = { fraction: 0.5, done: 1, total: 2, message: "half" };
    const usage = { inputTokens: 5, outputTokens: 7, cost: null };
    await scene.settle(held, { to: "pending", patch: patchOf({ progress, usage, logs: ["one"] }) });
    assert.deepEqual((await scene.record(idOf(1))).progress, progress);
    await scene.takeOne();
    const record = await scene.record(idOf(1));
    assert.deepEqual([record.progress, record.usage, record.logs], [null, usage, ["one"]]);
  }),

  storeCase("claim: payloads are returned unchanged, short and long ones", async (scene) => {
    const payloads = [0, 20, 63, 64, 65, 1_024, 2_048, 2_049, 100_000].map((length) =>
      JSON.stringify("ä".repeat(length)),
    );
    for (const [n, payload] of payloads.entries()) await scene.add([n], { payload });
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map((job) => job.payload),
      payloads,
    );
  }),

  storeCase("claim: payloads of several lines are returned unchanged", async (scene) => {
    const payloads = ['"one line"', '{\n  "lines": 3\n}', '"\\n"', "[\n]\n"];
    for (const [n, payload] of payloads.entries()) await scene.add([n], { payload });
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map((job) => job.payload),
      payloads,
    );
  }),

  storeCase("claim: large payloads come in order and without delay, even if it takes several calls", async (scene) => {
    const payload = "x".repeat(600_000);
    await scene.add([3, 4], { payload, delayMs: 10 });
    await scene.add([5]);
    scene.clock.move(10);
    await scene.add([1, 2, 6, 7], { payload });
    const left = new Set([5, 1, 2, 3, 4, 6, 7].map(idOf));
    const taken: string[] = [];
    for (let nextDueMs: number | null = 0, calls = 0; nextDueMs === 0; calls++) {
      assert.ok(calls < 10, "claims should soon return all jobs");
      const answer = await scene.claim();
      assert.ok(answer.jobs.length > 0, "a claim after one that says that more is due should return jobs");
      for (const job of answer.jobs) {
        assert.equal(job.payload === payload, job.id !== idOf(5));
        taken.push(job.id);
        left.delete(job.id);
      }
      assert.deepEqual(new Set(await scene.list({ status: "pending" })), left);
      nextDueMs = answer.nextDueMs;
    }
    assert.deepEqual(taken, [5, 1, 2, 3, 4, 6, 7].map(idOf));
  }),

  storeCase(
    "claim: lost jobs with large payloads come back without delay, even if it takes several calls",
    async (scene) => {
      await scene.add([1, 2, 3], { payload: "x".repeat(600_000) });
      const lost: string[] = [];
      for (const isAgain of [false, true]) {
        if (isAgain) scene.clock.move(LEASE_MS);
        for (let nextDueMs: number | null = 0, calls = 0; nextDueMs === 0; calls++) {
          assert.ok(calls < 10, "claims should soon return all jobs");
          const answer = await scene.claim();
          lost.push(...answer.jobs.filter(({ isLost }) => isLost).map(({ id }) => id));
          nextDueMs = answer.nextDueMs;
        }
      }
      assert.deepEqual(lost.sort(), [1, 2, 3].map(idOf));
    },
  ),

  storeCase("claim: a job is returned once", async (scene) => {
    await scene.add([1, 2]);
    assert.equal((await scene.take()).length, 2);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("claim: finished jobs are not returned", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "failed");
    await scene.finish(3, "cancelled");
    scene.clock.move(1_000_000_000);
    assert.deepEqual(await scene.claim(), { jobs: [], nextDueMs: null });
  }),

  storeCase("claim: one token owns all jobs that a call returns", async (scene) => {
    await scene.add([1, 2]);
    await scene.add([3], { task: OTHER_TASK });
    const request = scene.request({ lanes: LANES });
    assert.equal((await scene.store.claim(request)).jobs.length, 3);
    for (const n of [1, 2, 3]) {
      assert.equal(await scene.settle({ id: idOf(n), token: request.token }), "settled");
    }
  }),

  storeCase("claim: nothing is due if nothing is pending", async (scene) => {
    await scene.add([1]);
    assert.equal((await scene.claim()).nextDueMs, null);
  }),

  storeCase("claim: a due job beyond the limit is due now", async (scene) => {
    await scene.add([1, 2]);
    scene.clock.move(500);
    assert.equal((await scene.claim({ limit: 1 })).nextDueMs, 0);
    assert.equal((await scene.claim({ limit: 0 })).nextDueMs, 0);
    assert.equal((await scene.claim({ lanes: [{ lane: TASK, limit: 0 }] })).nextDueMs, 0);
    assert.equal((await scene.claim({ limit: 1 })).nextDueMs, null);
  }),

  storeCase("claim: a delayed job that is overdue and beyond the limit is due now", async (scene) => {
    await scene.add([1, 2], { delayMs: 100 });
    scene.clock.move(500);
    assert.equal((await scene.claim({ limit: 1 })).nextDueMs, 0);
  }),

  storeCase("claim: the next delayed job is due in as many milliseconds as are left", async (scene) => {
    await scene.add([1], { delayMs: 900 });
    await scene.add([2], { delayMs: 700 });
    await scene.add([3]);
    assert.equal((await scene.claim()).nextDueMs, 700);
    scene.clock.move(699);
    assert.equal((await scene.claim()).nextDueMs, 1);
    scene.clock.move(1);
    const answer = await scene.claim();
    assert.deepEqual([answer.jobs.map((job) => job.id), answer.nextDueMs], [[idOf(2)], 200]);
  }),

  storeCase("claim: the next due job is the earliest of all lanes asked for, and of no other", async (scene) => {
    await scene.add([1], { delayMs: 900 });
    await scene.add([2], { delayMs: 700, task: OTHER_TASK });
    assert.equal((await scene.claim({ lanes: LANES })).nextDueMs, 700);
    assert.equal((await scene.claim({ lanes: LANES.toReversed() })).nextDueMs, 700);
    assert.equal((await scene.claim()).nextDueMs, 900);
    assert.equal((await scene.claim({ lanes: [] })).nextDueMs, null);
    assert.equal((await scene.claim({ lanes: [{ lane: "unknown", limit: 1 }] })).nextDueMs, null);
    await scene.add([3]);
    for (const lanes of [LANES, LANES.toReversed()])
      assert.equal((await scene.claim({ lanes, limit: 0 })).nextDueMs, 0);
  }),

  storeCase("claim: a retry that waits is due like any other", async (scene) => {
    await scene.settle(await scene.start(1), { to: "pending", delayMs: 2 ** 33 });
    assert.equal((await scene.claim()).nextDueMs, 2 ** 33);
    await scene.cancel(idOf(1));
    assert.equal((await scene.claim()).nextDueMs, null);
  }),

  storeCase("claim: running jobs do not become due", async (scene) => {
    await scene.start(1);
    await scene.start(2, { task: OTHER_TASK });
    assert.equal((await scene.claim({ lanes: LANES })).nextDueMs, null);
  }),
];
