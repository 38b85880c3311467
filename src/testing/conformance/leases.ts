import assert from "node:assert/strict";
import type { ClaimedJob } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, newJob, OTHER_TASK, patchOf, TASK } from "./scene.ts";

export const leaseCases: readonly StoreCase[] = [
  storeCase("leases: a job whose lease ran out comes back lost, attempts as they were", async (scene) => {
    const createdAt = scene.clock.now();
    const usage = { inputTokens: 1, outputTokens: 2, cost: 0.5 };
    const held = await scene.start(1, { payload: '"p"' }, { worker: "worker-1" });
    await scene.beat(held, { usage });
    scene.clock.move(LEASE_MS);
    const expected: ClaimedJob = {
      v: 1,
      id: idOf(1),
      task: TASK,
      payload: '"p"',
      isLost: true,
      worker: "worker-1",
      attempts: 1,
      attemptLimit: 4,
      maxRetries: 3,
      losses: 0,
      createdAt,
      runAt: createdAt,
      attemptedAt: createdAt,
      usage,
      trace: null,
    };
    assert.deepEqual((await scene.claim({ worker: "worker-2" })).jobs, [expected]);
  }),

  storeCase("leases: a lost job comes back with its payload, be it empty, of several lines or long", async (scene) => {
    const payloads = ["", "[1,\n2]", JSON.stringify("ä".repeat(2_000))];
    for (const [n, payload] of payloads.entries()) await scene.start(n, { payload });
    scene.clock.move(LEASE_MS);
    for (const [n, payload] of payloads.entries()) {
      const { id, payload: returned } = await scene.takeOne({ lostLimit: 1 });
      assert.deepEqual([id, returned], [idOf(n), payload]);
    }
  }),

  storeCase("leases: a lease lasts exactly as long as was asked for", async (scene) => {
    await scene.start(1);
    scene.clock.move(LEASE_MS - 1);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("leases: every claim sets its own length", async (scene) => {
    await scene.start(1, {}, { leaseMs: 5_000 });
    await scene.start(2, {}, { leaseMs: 1_000 });
    scene.clock.move(1_000);
    assert.deepEqual(await scene.take(), [idOf(2)]);
    scene.clock.move(4_000);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("leases: being lost changes nothing in the record", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, {
      progress: { fraction: 0.5, done: null, total: null, message: null },
      logs: ["on my way"],
    });
    const before = await scene.record(idOf(1));
    scene.clock.move(LEASE_MS);
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.deepEqual(await scene.take({ worker: "worker-2" }), [idOf(1)]);
    assert.deepEqual(await scene.record(idOf(1)), before);
  }),

  storeCase("leases: the longest overdue comes back first, and of equals the smallest id", async (scene) => {
    await scene.start(3, {}, { leaseMs: 300 });
    await scene.start(9, {}, { leaseMs: 200 });
    await scene.start(4, {}, { leaseMs: 200 });
    await scene.start(1, {}, { leaseMs: 400 });
    scene.clock.move(400);
    assert.deepEqual(await scene.take(), [4, 9, 3, 1].map(idOf));
  }),

  storeCase("leases: no more jobs come back at a time than asked for, and the others next time", async (scene) => {
    await scene.add([1, 2, 3, 4, 5]);
    await scene.take({ leaseMs: 100 });
    scene.clock.move(100);
    assert.deepEqual(await scene.take({ lostLimit: 0 }), []);
    assert.deepEqual(await scene.take({ lostLimit: 2 }), [1, 2].map(idOf));
    assert.deepEqual(await scene.take({ lostLimit: 2 }), [3, 4].map(idOf));
    assert.deepEqual(await scene.take({ lostLimit: 2 }), [idOf(5)]);
    assert.deepEqual(await scene.take({ lostLimit: 2 }), []);
  }),

  storeCase("leases: the limit of lost jobs counts those of all tasks", async (scene) => {
    for (const n of [1, 2, 3]) await scene.start(n, { task: `task-${n}` });
    scene.clock.move(LEASE_MS);
    for (const n of [1, 2, 3]) assert.deepEqual(await scene.take({ lostLimit: 1 }), [idOf(n)]);
  }),

  storeCase("leases: lost jobs come before the others and do not count towards their limit", async (scene) => {
    await scene.add([8, 9]);
    await scene.take();
    scene.clock.move(LEASE_MS);
    await scene.add([1, 2, 3]);
    const { jobs, nextDueMs } = await scene.claim({ limit: 2 });
    assert.deepEqual(
      jobs.map(({ id, isLost }) => [id, isLost]),
      [
        [idOf(8), true],
        [idOf(9), true],
        [idOf(1), false],
        [idOf(2), false],
      ],
    );
    assert.equal(nextDueMs, 0);
    scene.clock.move(LEASE_MS);
    assert.equal((await scene.take({ limit: 0 })).length, 4);
  }),

  storeCase("leases: lost jobs come back from any lane, also to a claim that names no lane", async (scene) => {
    await scene.start(1, { task: OTHER_TASK });
    scene.clock.move(LEASE_MS);
    assert.deepEqual(await scene.take({ lanes: [], limit: 0 }), [idOf(1)]);
  }),

  storeCase("leases: a lost job of a later record version is left to workers that know it", async (scene) => {
    await scene.store.enqueue([newJob(1, { v: 2, lane: "later" }), newJob(2, { lane: "later" })]);
    await scene.take({ lanes: [{ lane: "later", limit: 9 }], maxVersion: 2 });
    scene.clock.move(LEASE_MS);
    assert.deepEqual(await scene.take({ lostLimit: 1 }), [idOf(2)]);
    assert.deepEqual(await scene.take({ lostLimit: 1 }), []);
    assert.deepEqual(await scene.take({ lostLimit: 1, maxVersion: 2 }), [idOf(1)]);
  }),

  storeCase("leases: a worker that lost a job changes nothing once another one has it", async (scene) => {
    const old = await scene.start(1);
    scene.clock.move(LEASE_MS);
    await scene.takeOne({ worker: "worker-2" });
    const before = await scene.record(idOf(1));
    assert.equal(await scene.beat(old, { logs: ["too late"] }), "lost");
    for (const to of ["completed", "failed", "pending"] as const) {
      assert.equal(await scene.settle(old, { to, patch: patchOf({ logs: ["too late"] }) }), "lost");
    }
    assert.deepEqual(await scene.record(idOf(1)), before);
  }),

  storeCase("leases: the worker that claimed a lost job settles it", async (scene) => {
    await scene.start(1);
    scene.clock.move(LEASE_MS);
    const held = await scene.takeOne();
    assert.equal(await scene.beat(held), "held");
    assert.equal(await scene.settle(held, { to: "pending", isLoss: true }), "settled");
    const again = await scene.takeOne();
    assert.deepEqual([again.id, again.isLost, again.attempts, again.losses], [idOf(1), false, 2, 1]);
  }),

  storeCase("leases: a lost job gets a new lease, and can be lost again", async (scene) => {
    await scene.start(1, {}, { leaseMs: 100 });
    scene.clock.move(100);
    assert.deepEqual(await scene.take({ leaseMs: 50 }), [idOf(1)]);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(49);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map(({ id, isLost, attempts }) => [id, isLost, attempts]),
      [[idOf(1), true, 1]],
    );
  }),

  storeCase(
    "leases: a lost job's new lease is as long as asked for, also when another ends meanwhile",
    async (scene) => {
      await scene.start(1);
      scene.clock.move(1);
      await scene.start(2);
      scene.clock.move(LEASE_MS - 1);
      assert.deepEqual(await scene.take(), [idOf(1)]);
      scene.clock.move(1);
      assert.deepEqual(await scene.take(), [idOf(2)]);
      scene.clock.move(LEASE_MS - 1);
      assert.deepEqual(await scene.take(), [idOf(1)]);
    },
  ),

  storeCase("leases: until the job is claimed again, its holder may renew an expired lease", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(10 * LEASE_MS);
    assert.equal(await scene.beat(held, { logs: ["awake"] }), "held");
    assert.deepEqual(await scene.take(), []);
    assert.deepEqual((await scene.record(idOf(1))).logs, ["awake"]);
    scene.clock.move(LEASE_MS);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase(
    "leases: until the job is claimed again, its holder may settle it after the lease expired",
    async (scene) => {
      const held = await scene.start(1);
      scene.clock.move(10 * LEASE_MS);
      assert.equal(await scene.settle(held), "settled");
      assert.equal((await scene.record(idOf(1))).status, "completed");
      assert.deepEqual(await scene.take(), []);
    },
  ),

  storeCase("leases: a heartbeat renews from now, for a longer or a shorter time", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(LEASE_MS - 1);
    assert.equal(await scene.beat(held), "held");
    scene.clock.move(LEASE_MS - 1);
    assert.deepEqual(await scene.take(), []);
    assert.equal(await scene.beat(held, null, 10), "held");
    scene.clock.move(9);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("leases: a heartbeat may end a lease earlier than the claim did", async (scene) => {
    const held = await scene.start(1);
    assert.deepEqual(await scene.take(), []);
    assert.equal(await scene.beat(held, null, 10), "held");
    scene.clock.move(9);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("leases: a heartbeat renews the jobs it names and no others", async (scene) => {
    const first = await scene.start(1);
    await scene.start(2);
    scene.clock.move(LEASE_MS - 1);
    await scene.beat(first);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), [idOf(2)]);
  }),

  storeCase("leases: what is not running cannot be lost", async (scene) => {
    await scene.settle(await scene.start(1), { to: "completed" });
    await scene.settle(await scene.start(2), { to: "failed" });
    await scene.settle(await scene.start(3), { to: "pending", delayMs: 10 * LEASE_MS });
    const cancelled = await scene.start(4);
    await scene.cancel(cancelled.id);
    scene.clock.move(2 * LEASE_MS);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("leases: an overdue job can be cancelled, and then does not come back", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(LEASE_MS);
    assert.equal(await scene.cancel(held.id), true);
    assert.deepEqual(await scene.take(), []);
    assert.equal(await scene.beat(held), "cancelled");
  }),
];
