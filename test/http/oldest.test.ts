import fc from "fast-check";
import { InMemoryQueue, jobIdOf } from "rapidai/background";
import { afterAll, expect, test } from "vitest";
import { oldestPending } from "../../src/http/oldest.ts";
import { callerOf } from "./scene.ts";

const queues: InMemoryQueue[] = [];
afterAll(() => Promise.all(queues.map((queue) => queue.close())));

function makeQueue(): InMemoryQueue {
  const logger = { debug() {}, info() {}, warn() {}, error: console.error };
  const queue = new InMemoryQueue({ worker: false, logger });
  queues.push(queue);
  return queue;
}

/** A job id of this instant, by number. */
function idOf(at: number, number: number): string {
  const hex = at.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

test("the oldest pending job is found, whenever jobs were made and whatever became of others", async () => {
  // So many at the same instants that some fill several pages.
  const instants = fc.oneof(
    { weight: 4, arbitrary: fc.nat(2) },
    { weight: 1, arbitrary: fc.integer({ min: 1_767_225_600_000, max: 1_767_225_610_000 }) },
    { weight: 1, arbitrary: fc.nat(2 ** 42) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(instants, fc.nat(200), fc.boolean()), { maxLength: 200, size: "max" }),
      async (jobs) => {
        const queue = makeQueue();
        const pending = new Set<string>();
        for (const [at, number, isCancelled] of jobs) {
          const id = idOf(at, number);
          await queue.enqueue(isCancelled ? "other" : "task", null, { id }).catch(() => {});
          const task = (await queue.getResult(id))?.task;
          if (task === "task") pending.add(id);
        }
        const expected = [...pending].sort()[0] ?? null;
        expect((await oldestPending(queue, "task"))?.jobId ?? null).toBe(expected);
        await queue.close();
      },
    ),
    // To shrink a failing run takes longer than the test may.
    { numRuns: 40, endOnFailure: true },
  );
});

const START = 1_767_225_600_000;

test.each([
  ["made one after the other", 40, (number: number) => idOf(START + number * 97, number)],
  ["derived from the same time", 40, (number: number) => jobIdOf(`task ${number}`, new Date(START))],
  ["as close to each other as can be", 100, (number: number) => idOf(START, number)],
])("among 20,000 ids %s it takes fewer than %i pages of twenty", async (_, most, make) => {
  const queue = makeQueue();
  const ids = Array.from({ length: 20_000 }, (_, number) => make(number));
  await queue.enqueueMany("task", ids, { ids });
  let pages = 0;
  const counting: Pick<InMemoryQueue, "listJobs"> = {
    listJobs(filter) {
      pages += 1;
      expect(filter?.limit).toBe(20);
      return queue.listJobs(filter);
    },
  };
  expect((await oldestPending(counting, "task"))?.jobId).toBe(ids.toSorted()[0]);
  expect(pages).toBeLessThan(most);
});

test("the API tells of each task the job that waits longest, and why; the task with the most first", async () => {
  const queue = makeQueue();
  const ids = await queue.enqueueMany("import", [1, 2, 3]);
  const late = await queue.enqueue("mail", null, { delay: "1h" });
  const gone = await queue.enqueue("gone", null);
  await queue.cancel(gone);
  const { get } = callerOf({ queue });
  const { body } = await get("/waiting");
  expect(body.tasks).toMatchObject([
    { task: "import", pending: 3, oldest: { jobId: ids[0] }, explanation: { causes: [{ code: "no_worker" }] } },
    { task: "mail", pending: 1, oldest: { jobId: late }, explanation: { causes: [{ code: "delayed" }, {}] } },
  ]);
  expect(body.tasks).toHaveLength(2);
});
