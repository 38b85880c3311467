import assert from "node:assert/strict";
import type { Retention } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, OTHER_TASK, type Scene, TASK } from "./scene.ts";

const ALL: Retention = { ageMs: null, count: null };
const NONE: Retention = { ageMs: null, count: 0 };

type End = "completed" | "failed" | "cancelled";

/** Finishes the jobs with these numbers, a second apart. */
async function finish(scene: Scene, to: End, ...numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    await scene.finish(n, to);
    scene.clock.move(1_000);
  }
}

export const pruneCases: readonly StoreCase[] = [
  storeCase("prune: an empty store has nothing to remove", async (scene) => {
    assert.equal(await scene.prune({ completed: NONE, failed: NONE }), 0);
  }),

  storeCase("prune: a job goes when it finished longer ago than the age, and not before", async (scene) => {
    await scene.finish(1, "completed");
    await scene.finish(2, "failed");
    const age = { ageMs: 1_000, count: null };
    scene.clock.move(1_000);
    assert.equal(await scene.prune({ completed: age, failed: age }), 0);
    scene.clock.move(1);
    assert.equal(await scene.prune({ completed: age, failed: age }), 2);
    assert.deepEqual(await scene.list(), []);
    assert.equal(await scene.find(idOf(1)), null);
  }),

  storeCase("prune: the age is counted from when the job finished, not from when it started", async (scene) => {
    await scene.add([1]);
    scene.clock.move(60_000);
    await scene.settle(await scene.takeOne());
    assert.equal(await scene.prune({ completed: { ageMs: 1_000, count: null } }), 0);
  }),

  storeCase("prune: an age of 0 keeps what finished now", async (scene) => {
    await scene.finish(1, "completed");
    assert.equal(await scene.prune({ completed: { ageMs: 0, count: null } }), 0);
    scene.clock.move(1);
    assert.equal(await scene.prune({ completed: { ageMs: 0, count: null } }), 1);
  }),

  storeCase("prune: the count says how many are kept, those that finished last", async (scene) => {
    await finish(scene, "completed", 5, 1, 4, 2, 3);
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 2 } }), 3);
    assert.deepEqual(await scene.list(), [3, 2].map(idOf));
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 2 } }), 0);
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 1 } }), 1);
    assert.deepEqual(await scene.list(), [idOf(3)]);
  }),

  storeCase("prune: of jobs that finished at the same instant, the greatest ids are kept", async (scene) => {
    for (const n of [3, 1, 4, 2]) await scene.finish(n, "completed");
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 2 } }), 2);
    assert.deepEqual(await scene.list(), [4, 3].map(idOf));
  }),

  storeCase(
    "prune: of jobs that finished at the same instant, the smallest ids are removed first, also when all are removed",
    async (scene) => {
      for (const n of [3, 1, 2]) await scene.finish(n, "completed");
      assert.equal(await scene.prune({ completed: NONE, limit: 1 }), 1);
      assert.deepEqual(await scene.list(), [3, 2].map(idOf));
      assert.equal(await scene.prune({ completed: NONE, limit: 5 }), 2);
    },
  ),

  storeCase(
    "prune: hundreds of jobs that finished at the same instant are ordered by id, however they were settled",
    async (scene) => {
      const numbers = Array.from({ length: 250 }, (_, n) => n);
      await scene.add(numbers);
      const request = scene.request();
      await scene.store.claim(request);
      const { token } = request;
      await scene.store.settle(
        numbers.toReversed().map((n) => scene.settlement({ id: idOf(n), token }, { result: "1" })),
      );
      assert.equal(await scene.prune({ completed: { ageMs: null, count: 240 } }), 10);
      assert.deepEqual((await scene.list({ limit: 1_000 })).at(-1), idOf(10));
      assert.equal(await scene.prune({ completed: { ageMs: null, count: 3 } }), 237);
      assert.deepEqual(await scene.list(), [249, 248, 247].map(idOf));
    },
  ),

  storeCase("prune: one call removes as many as its limit says, however many there are", async (scene) => {
    const numbers = Array.from({ length: 250 }, (_, n) => n);
    await scene.add(numbers);
    const request = scene.request();
    await scene.store.claim(request);
    for (let from = 0; from < numbers.length; from += 25) {
      const to = from % 50 === 0 ? "completed" : "failed";
      const page = numbers.slice(from, from + 25);
      await scene.store.settle(page.map((n) => scene.settlement({ id: idOf(n), token: request.token }, { to })));
      scene.clock.move(1_000);
    }
    assert.equal(await scene.prune({ completed: NONE, failed: NONE, limit: 240 }), 240);
    assert.deepEqual(await scene.list(), [249, 248, 247, 246, 245, 244, 243, 242, 241, 240].map(idOf));
  }),

  storeCase("prune: exceeding either age or count is enough", async (scene) => {
    await finish(scene, "completed", 1, 2, 3, 4);
    const retention = { ageMs: 2_500, count: 3 };
    assert.equal(await scene.prune({ completed: retention }), 2);
    assert.deepEqual(await scene.list(), [4, 3].map(idOf));
    assert.equal(await scene.prune({ completed: { ageMs: 1_000_000, count: 1 } }), 1);
    assert.deepEqual(await scene.list(), [idOf(4)]);
  }),

  storeCase("prune: without age and count nothing is removed", async (scene) => {
    await finish(scene, "completed", 1, 2);
    await finish(scene, "failed", 3);
    scene.clock.move(1e12);
    assert.equal(await scene.prune({ completed: ALL, failed: ALL }), 0);
  }),

  storeCase(
    "prune: completed jobs are counted apart from failed and cancelled ones, which are counted together",
    async (scene) => {
      await finish(scene, "completed", 1);
      await finish(scene, "failed", 2);
      await finish(scene, "cancelled", 3);
      await finish(scene, "failed", 4);
      await finish(scene, "completed", 5);
      assert.equal(await scene.prune({ failed: { ageMs: null, count: 2 } }), 1);
      assert.deepEqual(await scene.list(), [5, 4, 3, 1].map(idOf));
      assert.equal(await scene.prune({ completed: { ageMs: null, count: 1 } }), 1);
      assert.deepEqual(await scene.list(), [5, 4, 3].map(idOf));
      assert.equal(await scene.prune({ failed: NONE }), 2);
      assert.deepEqual(await scene.list(), [idOf(5)]);
    },
  ),

  storeCase("prune: all tasks count together", async (scene) => {
    await scene.finish(1, "completed", { task: OTHER_TASK });
    scene.clock.move(1);
    await scene.finish(2, "completed");
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 1 } }), 1);
    assert.deepEqual(await scene.list(), [idOf(2)]);
  }),

  storeCase(
    "prune: a call removes no more than its limit, completed jobs first, and the oldest of a kind first",
    async (scene) => {
      await finish(scene, "failed", 8, 2);
      await finish(scene, "completed", 9, 1, 7);
      const both = { completed: NONE, failed: NONE };
      assert.equal(await scene.prune({ ...both, limit: 0 }), 0);
      assert.equal(await scene.prune({ ...both, limit: 2 }), 2);
      assert.deepEqual(await scene.list(), [8, 7, 2].map(idOf));
      assert.equal(await scene.prune({ ...both, limit: 2 }), 2);
      assert.deepEqual(await scene.list(), [idOf(2)]);
      assert.equal(await scene.prune({ ...both, limit: 2 }), 1);
      assert.equal(await scene.prune({ ...both, limit: 2 }), 0);
    },
  ),

  storeCase("prune: unfinished jobs are kept", async (scene) => {
    await scene.add([1]);
    await scene.add([2], { delayMs: 60_000, task: OTHER_TASK });
    await scene.start(3, { task: "third" });
    await scene.settle(await scene.start(4, { task: "fourth" }), { to: "pending", delayMs: 60_000 });
    await scene.finish(5, "failed", { task: "fifth" });
    await scene.retry(idOf(5));
    scene.clock.move(1e12);
    const retention = { ageMs: 0, count: 0 };
    assert.equal(await scene.prune({ completed: retention, failed: retention }), 0);
    assert.equal((await scene.list()).length, 5);
  }),

  storeCase("prune: a task whose completed jobs are all removed keeps its other jobs", async (scene) => {
    const others: Readonly<Record<string, (n: number, task: string) => Promise<unknown>>> = {
      due: (n, task) => scene.add([n], { task }),
      delayed: (n, task) => scene.add([n], { task, delayMs: 60_000 }),
      running: (n, task) => scene.start(n, { task }),
      failed: (n, task) => scene.finish(n, "failed", { task }),
      cancelled: (n, task) => scene.finish(n, "cancelled", { task }),
    };
    for (const [n, [task, add]] of Object.entries(others).entries()) {
      await scene.finish(10 + n, "completed", { task });
      await add(n, task);
    }
    assert.equal(await scene.prune({ completed: NONE }), 5);
    assert.deepEqual(await scene.list(), [4, 3, 2, 1, 0].map(idOf));
    assert.deepEqual([...(await scene.store.count()).tasks.keys()].sort(), Object.keys(others).sort());
  }),

  storeCase("prune: a held job is kept and counted as such, and the next one is removed instead", async (scene) => {
    await finish(scene, "completed", 1, 2, 3, 4);
    await scene.find(idOf(1), 60_000);
    await scene.find(idOf(3), 60_000);
    const completed = { ageMs: null, count: 1 };
    assert.equal(await scene.prune({ completed, limit: 1 }), 1);
    assert.deepEqual(await scene.list(), [4, 3, 1].map(idOf));
    assert.equal(await scene.prune({ completed }), 0);
    scene.clock.move(60_000);
    assert.equal(await scene.prune({ completed }), 2);
    assert.deepEqual(await scene.list(), [idOf(4)]);
  }),

  storeCase("prune: jobs that were held are removed in order once the holds are over", async (scene) => {
    await finish(scene, "failed", 1, 2, 3);
    for (const n of [1, 2]) await scene.find(idOf(n), 10_000);
    assert.equal(await scene.prune({ failed: { ageMs: null, count: 1 } }), 0);
    scene.clock.move(10_000);
    await finish(scene, "failed", 4);
    for (const left of [[4, 3, 2], [4, 3], [4]]) {
      assert.equal(await scene.prune({ failed: { ageMs: null, count: 1 }, limit: 1 }), 1);
      assert.deepEqual(await scene.list(), left.map(idOf));
    }
  }),

  storeCase("prune: a job that is retried after a held one was skipped is kept", async (scene) => {
    await finish(scene, "failed", 1, 2, 3, 4);
    await scene.find(idOf(1), 60_000);
    assert.equal(await scene.prune({ failed: { ageMs: null, count: 2 } }), 1);
    await scene.retry(idOf(3));
    scene.clock.move(60_000);
    assert.equal(await scene.prune({ failed: NONE }), 2);
    assert.deepEqual(await scene.list(), [idOf(3)]);
  }),

  storeCase("prune: held jobs do not protect those behind them, however many they are", async (scene) => {
    const held = Array.from({ length: 120 }, (_, n) => n + 1);
    await scene.add([...held, 200]);
    const { token } = scene.request();
    const { jobs } = await scene.store.claim(scene.request({ token, limit: 200, lanes: [{ lane: TASK, limit: 200 }] }));
    assert.equal(jobs.length, 121);
    await scene.store.settle(jobs.map(({ id }) => scene.settlement({ id, token })));
    await scene.store.get(held.map(idOf), { isDetailed: false, holdMs: 60_000 });
    assert.equal(await scene.prune({ completed: NONE }), 1);
    assert.equal(await scene.find(idOf(200)), null);
    scene.clock.move(60_001);
    assert.equal(await scene.prune({ completed: NONE, limit: 500 }), 120);
  }),

  storeCase("prune: one call skips up to a thousand held jobs of a kind, and ends at one more", async (scene) => {
    const ids = Array.from({ length: 1_004 }, (_, n) => idOf(n));
    await scene.add(ids.map((_, n) => n));
    const request = scene.request({ limit: ids.length, lanes: [{ lane: TASK, limit: ids.length }] });
    assert.equal((await scene.store.claim(request)).jobs.length, ids.length);
    const { token } = request;
    await scene.store.settle(ids.map((id) => scene.settlement({ id, token })));
    await scene.finish(2_000, "failed");
    await scene.store.get(ids.slice(1, 1_001), { isDetailed: false, holdMs: 60_000 });
    await scene.find(idOf(0), 1_000);
    assert.equal(await scene.prune({ completed: NONE }), 0);
    assert.equal(await scene.prune({ completed: NONE, failed: NONE }), 1);
    scene.clock.move(1_000);
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 1_002 } }), 1);
    assert.equal(await scene.prune({ completed: { ageMs: null, count: 2 } }), 1);
    assert.deepEqual(await scene.list({ limit: 1 }), [idOf(1_003)]);
    scene.clock.move(60_000);
    assert.equal(await scene.prune({ completed: NONE, limit: 2_000 }), 1_002);
  }),

  storeCase("prune: a job that ended, was retried and ended within one instant is one job", async (scene) => {
    await scene.finish(1, "failed");
    await scene.retry(idOf(1));
    await scene.settle(await scene.takeOne(), { to: "failed" });
    await scene.finish(2, "cancelled");
    await scene.retry(idOf(2));
    await scene.cancel(idOf(2));
    assert.equal(await scene.prune({ failed: { ageMs: null, count: 2 } }), 0);
    assert.equal(await scene.prune({ failed: { ageMs: null, count: 1 } }), 1);
    assert.deepEqual(await scene.list(), [idOf(2)]);
    assert.equal(await scene.prune({ failed: NONE }), 1);
    assert.equal(await scene.prune({ failed: NONE }), 0);
  }),

  storeCase("prune: for a job that was retried and finished again, the last end counts", async (scene) => {
    await finish(scene, "failed", 1, 2);
    await scene.retry(idOf(1));
    await scene.settle(await scene.takeOne(), { to: "failed" });
    assert.equal(await scene.prune({ failed: { ageMs: null, count: 1 } }), 1);
    assert.deepEqual(await scene.list(), [idOf(1)]);
  }),

  storeCase("prune: a failed job that was retried and completed is a completed one", async (scene) => {
    await scene.finish(1, "failed");
    await scene.retry(idOf(1));
    await scene.settle(await scene.takeOne());
    scene.clock.move(1);
    assert.equal(await scene.prune({ failed: { ageMs: 0, count: 0 } }), 0);
    assert.equal(await scene.prune({ completed: NONE }), 1);
    assert.equal(await scene.prune({ completed: NONE, failed: NONE }), 0);
  }),
];
