import assert from "node:assert/strict";
import { laneOf } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, newJob, OTHER_TASK, type Scene, TASK } from "./scene.ts";

const LANES = ["a", "b", "c"] as const;

/** Jobs 10, 11, … in lane a, 20, 21, … in b, 30, 31, … in c. */
async function fillLanes({ store }: Scene, ...sizes: readonly [number, number, number]): Promise<void> {
  const jobs = LANES.flatMap((task, lane) =>
    Array.from({ length: sizes[lane] as number }, (_, n) => newJob(10 * (lane + 1) + n, { task })),
  );
  await store.enqueue(jobs);
}

function lanes(...limits: readonly number[]): { lane: string; limit: number }[] {
  return limits.map((limit, lane) => ({ lane: LANES[lane] as string, limit }));
}

export const orderCases: readonly StoreCase[] = [
  storeCase("order: first in is first out", async (scene) => {
    for (const n of [5, 3, 9]) {
      await scene.add([n]);
      scene.clock.move(1);
    }
    assert.deepEqual(await scene.take(), [5, 3, 9].map(idOf));
  }),

  storeCase(
    "order: jobs of the same instant are ordered by id, in whatever order they were enqueued",
    async (scene) => {
      await scene.add([4, 2]);
      await scene.add([5, 1, 3]);
      assert.deepEqual(await scene.take({ limit: 2 }), [1, 2].map(idOf));
      await scene.add([0]);
      assert.deepEqual(await scene.take(), [0, 3, 4, 5].map(idOf));
    },
  ),

  storeCase("order: an older id enqueued with a newer one is behind jobs that were due before both", async (scene) => {
    await scene.add([10]);
    scene.clock.move(1);
    await scene.add([20, 5]);
    assert.deepEqual(await scene.take(), [10, 5, 20].map(idOf));
  }),

  storeCase("order: a delayed job stands where its runAt puts it, not where it was created", async (scene) => {
    await scene.add([1], { delayMs: 100 });
    scene.clock.move(50);
    await scene.add([2]);
    scene.clock.move(100);
    await scene.add([3]);
    assert.deepEqual(await scene.take(), [2, 1, 3].map(idOf));
  }),

  storeCase("order: five hundred jobs of scattered times are claimed by runAt, then id", async (scene) => {
    const now = scene.clock.now();
    const jobs = Array.from({ length: 500 }, (_, n) => newJob(n, { runAt: now + ((n * 7_919) % 101) }));
    const expected = jobs.toSorted((a, b) => (a.runAt ?? 0) - (b.runAt ?? 0) || (a.id < b.id ? -1 : 1));
    await scene.store.enqueue(jobs.slice(0, 300));
    await scene.store.enqueue(jobs.slice(300));
    scene.clock.move(100);
    const taken: string[] = [];
    for (let call = 0; call < 100; call++) taken.push(...(await scene.take({ limit: 7 })).slice(0, 7));
    assert.deepEqual(
      taken,
      expected.map((job) => job.id),
    );
  }),

  storeCase("order: jobs enqueued later take their place by runAt among those that wait", async (scene) => {
    await scene.add([10, 20, 30]);
    assert.deepEqual(await scene.take({ limit: 1 }), [idOf(10)]);
    await scene.add([25], { runAt: scene.clock.now() });
    await scene.add([5], { delayMs: 1 });
    scene.clock.move(1);
    await scene.add([1]);
    assert.deepEqual(await scene.take(), [20, 25, 30, 1, 5].map(idOf));
  }),

  storeCase("order: lanes take turns, with one job each, in the order given", async (scene) => {
    await fillLanes(scene, 2, 3, 1);
    assert.deepEqual(await scene.take({ lanes: lanes(9, 9, 9) }), [10, 20, 30, 11, 21, 22].map(idOf));
  }),

  storeCase("order: the order given decides who begins, not the names", async (scene) => {
    await fillLanes(scene, 2, 2, 2);
    const turned = lanes(9, 9, 9).reverse();
    assert.deepEqual(await scene.take({ lanes: turned, limit: 4 }), [30, 20, 10, 31].map(idOf));
  }),

  storeCase("order: a flood in one lane does not keep the others waiting", async (scene) => {
    await scene.add(
      Array.from({ length: 200 }, (_, n) => 1_000 + n),
      { task: "a" },
    );
    scene.clock.move(60_000);
    await scene.add([1, 2], { task: "b" });
    assert.deepEqual(await scene.take({ lanes: lanes(99, 99), limit: 4 }), [1_000, 1, 1_001, 2].map(idOf));
  }),

  storeCase("order: no lane gives more than its own limit", async (scene) => {
    await fillLanes(scene, 3, 3, 3);
    assert.deepEqual(await scene.take({ lanes: lanes(1, 2, 0) }), [10, 20, 21].map(idOf));
  }),

  storeCase("order: jobs that were delayed count towards their lane's limit together with others", async (scene) => {
    await scene.add([1, 2, 3]);
    await scene.add([4, 5, 6], { delayMs: 5 });
    scene.clock.move(5);
    for (const ids of [[1, 2], [3, 4], [5, 6], []])
      assert.deepEqual(await scene.take({ lanes: [{ lane: TASK, limit: 2 }] }), ids.map(idOf));
  }),

  storeCase("order: all lanes together give no more than the limit", async (scene) => {
    await fillLanes(scene, 3, 3, 3);
    assert.deepEqual(await scene.take({ lanes: lanes(9, 9, 9), limit: 2 }), [10, 20].map(idOf));
    assert.deepEqual(await scene.take({ lanes: lanes(9, 9, 9), limit: 5 }), [11, 21, 30, 12, 22].map(idOf));
  }),

  storeCase("order: a limit of 0 takes nothing", async (scene) => {
    await fillLanes(scene, 1, 1, 1);
    assert.deepEqual(await scene.take({ lanes: lanes(9, 9, 9), limit: 0 }), []);
    assert.deepEqual(await scene.take({ lanes: lanes(0, 0, 0) }), []);
    assert.deepEqual(await scene.take({ lanes: [] }), []);
    assert.deepEqual(await scene.take({ lanes: lanes(9, 9, 9) }), [10, 20, 30].map(idOf));
  }),

  storeCase("order: empty and unknown lanes lose their turn and nothing else", async (scene) => {
    await fillLanes(scene, 2, 0, 1);
    const some = [{ lane: "unknown", limit: 9 }, ...lanes(9, 9, 9)];
    assert.deepEqual(await scene.take({ lanes: some }), [10, 30, 11].map(idOf));
  }),

  storeCase("order: a lane that was not asked for keeps its jobs", async (scene) => {
    await scene.add([1]);
    await scene.add([2], { task: OTHER_TASK });
    assert.deepEqual(await scene.take({ lanes: [{ lane: OTHER_TASK, limit: 9 }] }), [idOf(2)]);
    assert.equal((await scene.record(idOf(1))).status, "pending");
  }),

  storeCase("order: jobs of a later record version wait in a lane of their own", async (scene) => {
    await scene.add([1], { v: 2 });
    await scene.add([2]);
    assert.deepEqual(await scene.take(), [idOf(2)]);
    const later = await scene.claim({ lanes: [{ lane: laneOf(TASK, 2), limit: 9 }], maxVersion: 2 });
    assert.deepEqual(
      later.jobs.map(({ id, v, task }) => [id, v, task]),
      [[idOf(1), 2, TASK]],
    );
  }),

  storeCase("order: a job waits in the lane that it names, whatever its task", async (scene) => {
    await scene.add([1], { lane: "urgent" });
    assert.deepEqual(await scene.take(), []);
    const held = await scene.takeOne({ lanes: [{ lane: "urgent", limit: 1 }] });
    await scene.settle(held, { to: "pending" });
    assert.deepEqual(await scene.take(), []);
    assert.deepEqual(await scene.take({ lanes: [{ lane: "urgent", limit: 1 }] }), [idOf(1)]);
  }),

  storeCase("order: a job handed back returns to its old position", async (scene) => {
    const held = await scene.start(5);
    scene.clock.move(10);
    await scene.add([1, 9]);
    scene.clock.move(10);
    assert.equal(await scene.settle(held, { to: "pending", isUncounted: true }), "settled");
    assert.deepEqual(await scene.take(), [5, 1, 9].map(idOf));
  }),

  storeCase("order: a job to be retried is behind those that are due before it", async (scene) => {
    const held = await scene.start(1);
    scene.clock.move(1);
    await scene.add([2]);
    await scene.settle(held, { to: "pending", delayMs: 0 });
    scene.clock.move(1);
    await scene.add([3]);
    // One and two are due at the same instant now.
    assert.deepEqual(await scene.take(), [1, 2, 3].map(idOf));
  }),

  storeCase("order: cancelled jobs leave the order of the others as it is", async (scene) => {
    await scene.add([1, 2, 3, 4]);
    await scene.add([5], { delayMs: 10 });
    for (const n of [1, 3, 5]) assert.equal(await scene.cancel(idOf(n)), true);
    scene.clock.move(10);
    assert.deepEqual(await scene.take({ limit: 9 }), [2, 4].map(idOf));
    assert.equal((await scene.claim()).nextDueMs, null);
  }),
];
