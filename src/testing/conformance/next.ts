import assert from "node:assert/strict";
import { laneOf, type NextJob } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { FAILURE, idOf, OTHER_TASK, type Scene, TASK } from "./scene.ts";

async function nextOf({ store }: Scene, lane: string = TASK): Promise<NextJob | null> {
  const [next = null] = await store.next([lane]);
  return next;
}

export const nextCases: readonly StoreCase[] = [
  storeCase(
    "next: tells for how long the first job of each lane has been due, in the order of the lanes",
    async (scene) => {
      await scene.add([5, 6]);
      scene.clock.move(700);
      await scene.add([1], { task: OTHER_TASK });
      scene.clock.move(300);
      assert.deepEqual(await scene.store.next([OTHER_TASK, "unknown", TASK, OTHER_TASK]), [
        { id: idOf(1), waitMs: 300 },
        null,
        { id: idOf(5), waitMs: 1_000 },
        { id: idOf(1), waitMs: 300 },
      ]);
      assert.deepEqual(await scene.store.next([]), []);
    },
  ),

  storeCase("next: tells of a lane where no job is due when the first one will be", async (scene) => {
    await scene.add([1], { delayMs: 60_000 });
    await scene.add([2], { delayMs: 5_000 });
    assert.deepEqual(await nextOf(scene), { id: idOf(2), waitMs: -5_000 });
    scene.clock.move(5_000);
    assert.deepEqual(await nextOf(scene), { id: idOf(2), waitMs: 0 });
  }),

  storeCase("next: of jobs that are due, the first is the one due longest, however it came to wait", async (scene) => {
    await scene.add([9], { delayMs: 10 });
    scene.clock.move(20);
    await scene.add([3]);
    scene.clock.move(5);
    await scene.add([1], { runAt: scene.clock.now() - 60_000 });
    assert.deepEqual(await nextOf(scene), { id: idOf(9), waitMs: 15 });
    await scene.cancel(idOf(9));
    assert.deepEqual(await nextOf(scene), { id: idOf(3), waitMs: 5 });
    await scene.cancel(idOf(3));
    assert.deepEqual(await nextOf(scene), { id: idOf(1), waitMs: 0 });
  }),

  storeCase("next: of jobs due at the same time, the first is the one with the least id", async (scene) => {
    await scene.add([5]);
    await scene.add([2, 8]);
    assert.deepEqual(await nextOf(scene), { id: idOf(2), waitMs: 0 });
    await scene.add([1], { delayMs: 3 });
    scene.clock.move(3);
    await scene.add([4]);
    for (const n of [2, 5, 8]) await scene.cancel(idOf(n));
    assert.deepEqual(await nextOf(scene), { id: idOf(1), waitMs: 0 });
  }),

  storeCase("next: running and finished jobs do not wait", async (scene) => {
    await scene.start(1);
    await scene.finish(2, "failed");
    assert.equal(await nextOf(scene), null);
    await scene.retry(idOf(2));
    scene.clock.move(7);
    assert.deepEqual(await nextOf(scene), { id: idOf(2), waitMs: 7 });
  }),

  storeCase("next: a job that waits for a retry has not been due since it was enqueued", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(1_000);
    await scene.settle(held, { to: "pending", delayMs: 2_000, failure: FAILURE });
    assert.deepEqual(await nextOf(scene), { id: idOf(1), waitMs: -2_000 });
  }),

  storeCase("next: a job handed back has been due since it was before", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(1_000);
    await scene.settle(held, { to: "pending", isUncounted: true });
    assert.deepEqual(await nextOf(scene), { id: idOf(1), waitMs: 1_000 });
  }),

  storeCase("next: is asked by lane, as a claim is", async (scene) => {
    await scene.add([1], { v: 2 });
    await scene.add([2], { lane: "urgent" });
    assert.equal(await nextOf(scene), null);
    assert.deepEqual(await scene.store.next([laneOf(TASK, 2), "urgent"]), [
      { id: idOf(1), waitMs: 0 },
      { id: idOf(2), waitMs: 0 },
    ]);
  }),

  storeCase("next: changes nothing", async (scene) => {
    await scene.add([1, 2]);
    await scene.add([3], { delayMs: 10 });
    const before = [await scene.list(), await scene.store.count()];
    await nextOf(scene);
    assert.deepEqual([await scene.list(), await scene.store.count()], before);
    scene.clock.move(10);
    assert.deepEqual(await scene.take(), [1, 2, 3].map(idOf));
  }),
];
