import { background, type JobQueue, type JobResult } from "rapidai/background";
import { expect, test } from "vitest";
import { everyTurn } from "../../every-turn.ts";
import { scene } from "./scene.ts";

test.each([
  [{ limit: 0 }, "invalid_filter", "limit of listJobs() must be a whole number from 1 to 1000, not 0."],
  [{ limit: 1_001 }, "invalid_filter", "from 1 to 1000"],
  [{ limit: 1.5 }, "invalid_filter", "limit of listJobs() must be a whole number from 1 to 1000, not 1.5."],
  [{ limit: "5" }, "invalid_filter", 'limit of listJobs() must be a whole number from 1 to 1000, not "5".'],
  [
    { limit: Object.create(null) },
    "invalid_filter",
    "limit of listJobs() must be a whole number from 1 to 1000, not an object.",
  ],
  [{ task: 5 }, "invalid_filter", "task of listJobs() must be a task's name, not a value of type number."],
  [{ before: "x" }, "invalid_filter", "before of listJobs() is not a job id"],
  [{ before: "01938A6E-7D3A-7C41-B3A4-5F7C9D1E2B30" }, "invalid_filter", "before of listJobs() is not a job id"],
  [{ status: "done" }, "invalid_status", "pending, running, completed, failed, cancelled"],
])("listJobs() refuses the filter %j and says why", async (filter, code, sentence) => {
  const { queue } = scene();
  await expect(queue.listJobs(filter as never)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(sentence),
  });
});

test.each<[string, (queue: JobQueue, ids: readonly string[]) => Promise<readonly unknown[]>]>([
  ["a page", (queue) => queue.listJobs()],
  ["concurrent results", (queue, ids) => Promise.all(ids.map((id) => queue.getResult(id)))],
  ["concurrent details", (queue, ids) => Promise.all(ids.map((id) => queue.getDetails(id)))],
  ["concurrent waits", (queue, ids) => Promise.all(ids.map((id) => queue.wait(id)))],
])("large results are decoded over several turns of the event loop: %s", async (_, read) => {
  const { queue, clock } = scene();
  const grow = background({ name: "grow", queue }, async (letter: string) => letter.repeat(600_000));
  const ids = await grow.enqueueMany([..."abcdefgh"]);
  await clock.drain();
  let turns = 0;
  const stop = everyTurn(() => turns++);
  const jobs = await read(queue, ids);
  stop();
  // Two of them at a time.
  expect(turns).toBeGreaterThanOrEqual(3);
  const letters = jobs.map((job) => (job as JobResult<string>).result?.[0]);
  expect(letters.sort().join("")).toBe("abcdefgh");
});

test("a small result does not wait for a page of large ones", async () => {
  const { queue, clock } = scene();
  const grow = background({ name: "grow", queue }, async (length: number) => "x".repeat(length));
  await grow.enqueueMany(Array.from({ length: 8 }, () => 600_000));
  const small = await grow.enqueue(1);
  await clock.drain();
  const ended: string[] = [];
  await Promise.all([
    queue.listJobs().then(() => ended.push("page")),
    queue.getResult(small).then(() => ended.push("small")),
  ]);
  expect(ended).toEqual(["small", "page"]);
});
