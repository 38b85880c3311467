import assert from "node:assert/strict";
import type { NewJob, Patch, WorkerPresence } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { ALL_JOBS, FAILURE, idOf, newJob, OTHER_TASK, TASK } from "./scene.ts";

type Mutable<Value> = { -readonly [Key in keyof Value]: Mutable<Value[Key]> };

function mutable<Value>(value: Value): Mutable<Value> {
  return value as Mutable<Value>;
}

/** Tries to modify a value: a store may protect itself by freezing as well as by copying. */
function tamper(write: () => void): void {
  try {
    write();
  } catch (error) {
    assert.ok(error instanceof TypeError, "only a frozen value may refuse writes");
  }
}

export const snapshotCases: readonly StoreCase[] = [
  storeCase("snapshots: a record that was read does not change later", async (scene) => {
    const held = await scene.start(1);
    await scene.beat(held, { logs: ["one"], progress: { fraction: 0.5, done: null, total: null, message: null } });
    const record = await scene.record(idOf(1));
    const [listed] = await scene.store.list({ ...ALL_JOBS, limit: 1 });
    const copies = structuredClone([record, listed]);
    await scene.beat(held, { logs: ["two"], progress: { fraction: 1, done: null, total: null, message: null } });
    await scene.settle(held, { to: "pending", delayMs: 0, failure: FAILURE });
    await scene.takeOne();
    await scene.cancel(idOf(1), "ada");
    assert.deepEqual([record, listed], copies);
  }),

  storeCase("snapshots: a claimed job does not change later", async (scene) => {
    const held = await scene.start(1);
    await scene.settle(held, {
      to: "pending",
      delayMs: 0,
      patch: { progress: null, logs: [], usage: { inputTokens: 1, outputTokens: 1, cost: 1 } },
    });
    const { token, ...job } = await scene.takeOne();
    const copy = structuredClone(job);
    await scene.beat({ id: job.id, token }, { usage: { inputTokens: 2, outputTokens: 2, cost: 2 } });
    await scene.settle({ id: job.id, token }, { to: "failed", isLoss: true });
    assert.deepEqual(job, copy);
  }),

  storeCase("snapshots: a census does not change later", async (scene) => {
    await scene.add([1]);
    await scene.beat({ id: idOf(9), token: "any" });
    const census = await scene.store.count();
    const copy = structuredClone(census);
    await scene.cancel(idOf(1));
    await scene.add([2], { task: OTHER_TASK });
    await scene.store.heartbeat({
      worker: { id: "worker-1", tasks: [], slots: 0, concurrency: {}, version: "2" },
      presenceMs: 1_000,
      leaseMs: 1,
      beats: [],
    });
    assert.deepEqual(census, copy);
  }),

  storeCase("snapshots: modifying what was read changes nothing in the store", async (scene) => {
    const held = await scene.start(1);
    const usage = { inputTokens: 1, outputTokens: 1, cost: 1 };
    const progress = { fraction: 0.5, done: 1, total: 2, message: "half" };
    await scene.settle(held, { to: "failed", failure: FAILURE, patch: { progress, usage, logs: ["one"] } });
    const before = structuredClone(await scene.record(idOf(1)));
    const record = mutable(await scene.record(idOf(1)));
    tamper(() => {
      record.status = "pending";
    });
    tamper(() => {
      record.attempts = 99;
    });
    tamper(() => record.logs.push("two"));
    tamper(() => record.past.pop());
    tamper(() => {
      (record.past[0] as { message: string }).message = "other";
    });
    tamper(() => {
      (record.progress as { done: number }).done = 99;
    });
    tamper(() => {
      (record.usage as { cost: number }).cost = 99;
    });
    assert.deepEqual(await scene.record(idOf(1)), before);
    assert.equal(await scene.retry(idOf(1)), true);
  }),

  storeCase("snapshots: modifying a census changes nothing in the store", async (scene) => {
    await scene.add([1]);
    await scene.beat({ id: idOf(9), token: "any" });
    const before = structuredClone(await scene.store.count());
    const census = mutable(await scene.store.count());
    tamper(() => {
      (census.tasks as Map<string, unknown>).clear();
    });
    tamper(() => {
      (census.workers[0] as Mutable<WorkerPresence>).slots = 99;
    });
    tamper(() => census.workers[0]?.tasks.push("more"));
    tamper(() => census.workers.pop());
    assert.deepEqual(await scene.store.count(), before);
  }),

  storeCase("snapshots: a job passed to the store can be modified later", async (scene) => {
    const job: Mutable<NewJob> = mutable(newJob(1, { payload: '"before"' }));
    const jobs = [job];
    const answer = scene.store.enqueue(jobs);
    await answer;
    job.payload = '"after"';
    job.lane = "elsewhere";
    job.task = OTHER_TASK;
    job.id = idOf(2);
    jobs.pop();
    assert.equal((await scene.record(idOf(1))).payload, '"before"');
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("snapshots: a patch and a failure passed to the store can be modified later", async (scene) => {
    const held = await scene.start(1);
    const patch: Mutable<Patch> = {
      progress: { fraction: 0.5, done: 1, total: 2, message: "half" },
      usage: { inputTokens: 1, outputTokens: 1, cost: 1 },
      logs: ["one"],
    };
    const failure = { ...FAILURE };
    await scene.beat(held, patch);
    const change = () => {
      Object.assign(patch.progress as object, { done: 99 });
      Object.assign(patch.usage as object, { cost: 99 });
      patch.logs.push("two");
    };
    const before = structuredClone(await scene.record(idOf(1)));
    change();
    assert.deepEqual(await scene.record(idOf(1)), before);
    await scene.settle(held, { to: "failed", failure, patch });
    const ended = structuredClone(await scene.record(idOf(1)));
    change();
    failure.message = "other";
    assert.deepEqual(await scene.record(idOf(1)), ended);
  }),

  storeCase("snapshots: a presence passed to the store can be modified later", async (scene) => {
    const worker: Mutable<WorkerPresence> = { id: "worker-1", tasks: [TASK], slots: 1, concurrency: {}, version: "1" };
    await scene.store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1, beats: [] });
    worker.slots = 99;
    worker.tasks.push("more");
    const expected = [{ id: "worker-1", tasks: [TASK], slots: 1, concurrency: {}, version: "1" }];
    assert.deepEqual((await scene.store.count()).workers, expected);
  }),
];
