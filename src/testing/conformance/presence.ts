import assert from "node:assert/strict";
import type { WorkerPresence } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, type Scene, TASK } from "./scene.ts";

function presence(id: string, slots = 4): WorkerPresence {
  return { id, tasks: [TASK, "resize-image"], slots, concurrency: { [TASK]: 2 }, version: "0.1.0" };
}

async function show({ store }: Scene, worker: WorkerPresence, presenceMs: number): Promise<void> {
  assert.deepEqual(await store.heartbeat({ worker, presenceMs, leaseMs: 30_000, beats: [] }), []);
}

async function workers({ store }: Scene): Promise<readonly string[]> {
  return (await store.count()).workers.map((worker) => worker.id);
}

export const presenceCases: readonly StoreCase[] = [
  storeCase("presence: an idle worker is seen by its heartbeat", async (scene) => {
    assert.deepEqual((await scene.store.count()).workers, []);
    await show(scene, presence("worker-1"), 1_000);
    assert.deepEqual((await scene.store.count()).workers, [presence("worker-1")]);
  }),

  storeCase("presence: a worker without a heartbeat for as long as it announced is gone", async (scene) => {
    await show(scene, presence("worker-1"), 1_000);
    await show(scene, presence("worker-2"), 2_000);
    scene.clock.move(999);
    assert.deepEqual(await workers(scene), ["worker-1", "worker-2"]);
    scene.clock.move(1);
    assert.deepEqual(await workers(scene), ["worker-2"]);
    scene.clock.move(1_000);
    assert.deepEqual(await workers(scene), []);
  }),

  storeCase("presence: every heartbeat is counted from now", async (scene) => {
    await show(scene, presence("worker-1"), 1_000);
    scene.clock.move(999);
    await show(scene, presence("worker-1"), 1_000);
    scene.clock.move(999);
    assert.deepEqual(await workers(scene), ["worker-1"]);
    await show(scene, presence("worker-1"), 10);
    scene.clock.move(10);
    assert.deepEqual(await workers(scene), []);
  }),

  storeCase("presence: a worker that leaves is gone at once, and others stay", async (scene) => {
    await show(scene, presence("worker-1"), 1_000);
    await show(scene, presence("worker-2"), 1_000);
    await show(scene, presence("worker-1"), 0);
    assert.deepEqual(await workers(scene), ["worker-2"]);
    await show(scene, presence("worker-3"), 0);
    assert.deepEqual(await workers(scene), ["worker-2"]);
  }),

  storeCase("presence: a worker that left may come again", async (scene) => {
    await show(scene, presence("worker-1"), 1_000);
    await show(scene, presence("worker-1"), 0);
    await show(scene, presence("worker-1"), 1_000);
    assert.deepEqual(await workers(scene), ["worker-1"]);
  }),

  storeCase("presence: the latest heartbeat describes the worker", async (scene) => {
    await show(scene, presence("worker-1", 4), 1_000);
    const changed = { id: "worker-1", tasks: [], slots: 0, concurrency: {}, version: "0.2.0" };
    await show(scene, changed, 1_000);
    assert.deepEqual((await scene.store.count()).workers, [changed]);
  }),

  storeCase("presence: workers are counted in the order of their ids", async (scene) => {
    for (const id of ["worker-2", "worker-10", "worker-1", "Worker-3"]) await show(scene, presence(id), 1_000);
    assert.deepEqual(await workers(scene), ["Worker-3", "worker-1", "worker-10", "worker-2"]);
  }),

  storeCase("presence: if a claim says whether there are several workers, it is right", async (scene) => {
    const isSaid = async (isShared: boolean) => {
      const { isShared: said } = await scene.claim();
      assert.ok(said === undefined || said === isShared, `several workers: ${isShared}, but the claim says ${said}`);
    };
    await isSaid(false);
    await show(scene, presence("worker-1"), 1_000);
    await isSaid(false);
    await show(scene, presence("worker-2"), 2_000);
    await isSaid(true);
    scene.clock.move(1_000);
    await isSaid(false);
    await show(scene, presence("worker-1"), 1_000);
    await isSaid(true);
    await show(scene, presence("worker-2"), 0);
    await isSaid(false);
  }),

  storeCase("presence: a leaving worker's last heartbeat still renews and writes", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(29_999);
    const beats = [{ ...held, patch: { progress: null, logs: ["last words"], usage: null } }];
    const request = { worker: presence("worker-1"), presenceMs: 0, leaseMs: 30_000, beats };
    assert.deepEqual(await scene.store.heartbeat(request), ["held"]);
    scene.clock.move(1);
    assert.deepEqual(await scene.take(), []);
    assert.deepEqual((await scene.record(idOf(1))).logs, ["last words"]);
  }),

  storeCase("presence: a worker that is gone keeps its jobs until their leases run out", async (scene) => {
    const held = await scene.start(1);
    await show(scene, presence("worker-1"), 10);
    scene.clock.move(10);
    assert.deepEqual(await workers(scene), []);
    assert.deepEqual(await scene.take(), []);
    assert.equal(await scene.settle(held), "settled");
  }),
];
