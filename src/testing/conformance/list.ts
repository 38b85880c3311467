import assert from "node:assert/strict";
import type { JobStatus } from "../../background/core/status.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { ALL_JOBS, idOf, OTHER_TASK, patchOf, type Scene, TASK } from "./scene.ts";

const STATUSES: readonly JobStatus[] = ["pending", "running", "completed", "failed", "cancelled"];
const TASKS = [TASK, OTHER_TASK] as const;

/** Adds three jobs for each combination of two tasks and five statuses, which a job's number modulo 10 determines. */
async function populate(scene: Scene): Promise<void> {
  for (const n of [
    21, 4, 17, 0, 29, 8, 13, 26, 5, 10, 22, 1, 18, 9, 14, 27, 6, 23, 2, 19, 11, 28, 7, 15, 24, 3, 20, 12, 25, 16,
  ]) {
    const task = taskOf(n);
    const status = statusOf(n);
    if (status === "running") await scene.start(n, { task });
    else if (status !== "pending") await scene.finish(n, status, { task });
  }
  for (const n of [20, 0, 10, 25, 5, 15]) await scene.add([n], { task: taskOf(n), delayMs: n });
}

function taskOf(n: number): string {
  return TASKS[n % 10 < 5 ? 0 : 1];
}

function statusOf(n: number): JobStatus {
  return STATUSES[n % 5] as JobStatus;
}

/** The ids that a listing should return. */
function expected(status: JobStatus | null, task: string | null, before = 30): readonly string[] {
  return Array.from({ length: before }, (_, n) => before - 1 - n)
    .filter((n) => (status === null || statusOf(n) === status) && (task === null || taskOf(n) === task))
    .map(idOf);
}

export const listCases: readonly StoreCase[] = [
  storeCase("list: the newest id comes first, in whatever order jobs were enqueued", async (scene) => {
    for (const n of [5, 1, 9, 3]) {
      await scene.add([n]);
      scene.clock.move(1_000);
    }
    assert.deepEqual(await scene.list(), [9, 5, 3, 1].map(idOf));
  }),

  storeCase("list: every combination of filters shows exactly what matches", async (scene) => {
    await populate(scene);
    for (const status of [null, ...STATUSES]) {
      for (const task of [null, ...TASKS]) {
        for (const before of [null, 30, 17, 15, 4, 0]) {
          const page = await scene.list({ status, task, before: before === null ? null : idOf(before) });
          assert.deepEqual(page, expected(status, task, before ?? 30), `${status}, ${task}, before ${before}`);
        }
      }
    }
  }),

  storeCase("list: pages follow one another without a gap, under every combination of filters", async (scene) => {
    await populate(scene);
    for (const status of [null, ...STATUSES]) {
      for (const task of [null, ...TASKS]) {
        const seen: string[] = [];
        let page = await scene.list({ status, task, limit: 2 });
        // Fails if the cursor does not advance, rather than loop for ever.
        for (let pages = 0; page.length > 0 && pages < 20; pages++) {
          assert.ok(page.length <= 2);
          seen.push(...page);
          page = await scene.list({ status, task, before: page.at(-1) as string, limit: 2 });
        }
        assert.deepEqual(seen, expected(status, task));
      }
    }
  }),

  storeCase("list: a page can begin before an id that does not exist", async (scene) => {
    await scene.add([10, 20, 30]);
    assert.deepEqual(await scene.list({ before: idOf(25) }), [20, 10].map(idOf));
    assert.deepEqual(await scene.list({ before: idOf(99) }), [30, 20, 10].map(idOf));
    assert.deepEqual(await scene.list({ before: idOf(5) }), []);
  }),

  storeCase("list: a page has no more than its limit", async (scene) => {
    await scene.add([1, 2, 3]);
    assert.deepEqual(await scene.list({ limit: 2 }), [3, 2].map(idOf));
    assert.deepEqual(await scene.list({ limit: 3 }), [3, 2, 1].map(idOf));
    assert.deepEqual(await scene.list({ limit: 0 }), []);
  }),

  storeCase("list: a job that changes its status is listed under the new one only", async (scene) => {
    const pages = async () => Promise.all(STATUSES.map(async (status) => (await scene.list({ status })).length));
    await scene.add([1]);
    assert.deepEqual(await pages(), [1, 0, 0, 0, 0]);
    const held = await scene.takeOne();
    assert.deepEqual(await pages(), [0, 1, 0, 0, 0]);
    await scene.settle(held, { to: "failed" });
    assert.deepEqual(await pages(), [0, 0, 0, 1, 0]);
    await scene.retry(idOf(1));
    assert.deepEqual(await pages(), [1, 0, 0, 0, 0]);
    await scene.cancel(idOf(1));
    assert.deepEqual(await pages(), [0, 0, 0, 0, 1]);
    await scene.retry(idOf(1));
    await scene.settle(await scene.takeOne(), { to: "pending", delayMs: 0 });
    assert.deepEqual(await pages(), [1, 0, 0, 0, 0]);
    await scene.settle(await scene.takeOne());
    assert.deepEqual(await pages(), [0, 0, 1, 0, 0]);
    await scene.prune({ completed: { ageMs: null, count: 0 } });
    assert.deepEqual(await pages(), [0, 0, 0, 0, 0]);
  }),

  storeCase("list: records are as get shows them, without payload and logs", async (scene) => {
    const held = await scene.start(1, { payload: '"large"' });
    await scene.beat(held, patchOf({ logs: ["one"], usage: { inputTokens: 1, outputTokens: 2, cost: null } }));
    await scene.finish(2, "failed");
    const ids = [2, 1].map(idOf);
    const page = await scene.store.list({ ...ALL_JOBS, limit: 9 });
    assert.deepEqual(page, await scene.store.get(ids, { isDetailed: false, holdMs: 0 }));
  }),

  storeCase("list: a brief page leaves results out, short and long ones, and nothing else", async (scene) => {
    for (const [n, result] of [
      [1, "short"],
      [2, "long ".repeat(1_000)],
    ] as const) {
      const { id, token } = await scene.start(n);
      await scene.settle({ id, token }, { result: JSON.stringify(result) });
    }
    await scene.finish(3, "failed");
    await scene.start(4);
    const page = await scene.store.list(ALL_JOBS);
    assert.equal(page.filter(({ result }) => result !== null).length, 2);
    const brief = await scene.store.list({ ...ALL_JOBS, isBrief: true });
    assert.deepEqual(
      brief,
      page.map((record) => ({ ...record, result: null })),
    );
  }),

  storeCase("list: a thousand jobs enqueued in any order are listed in order", async (scene) => {
    const numbers = Array.from({ length: 1_000 }, (_, n) => (n * 7_919) % 1_000);
    for (let n = 0; n < 1_000; n += 250) await scene.add(numbers.slice(n, n + 250));
    const taken = await scene.take({ limit: 500 });
    const newest = Array.from({ length: 1_000 }, (_, n) => idOf(999 - n));
    assert.deepEqual(await scene.list(), newest);
    assert.deepEqual(await scene.list({ status: "pending", limit: 300 }), newest.slice(0, 300));
    assert.deepEqual(await scene.list({ status: "running" }), taken.toReversed());
    assert.deepEqual(await scene.list({ before: idOf(700), limit: 5 }), newest.slice(300, 305));
  }),
];
