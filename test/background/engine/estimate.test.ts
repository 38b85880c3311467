// When a job should be done, on every queue, even for a process that has run none of the task's jobs itself.

import { join } from "node:path";
import { background, InMemoryQueue, type JobQueue, RedisQueue, SqliteQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, test, vi } from "vitest";
import { ownRedis } from "../../redis/own-redis.ts";
import { isWithoutRedis } from "../../redis/program.ts";
import { ownFolder } from "../../stores/folder.ts";

const folder = ownFolder();
const redis = ownRedis();

type Open = (options: { readonly clock: ManualClock; readonly worker?: boolean }) => JobQueue;

const QUEUES: Readonly<Record<string, Open>> = {
  sqlite: (options) => new SqliteQueue({ ...options, path: join(folder, "jobs.db") }),
  redis: (options) => new RedisQueue({ ...options, url: redis.url }),
};

/** Runs a job that takes this long on the clock. */
async function complete(queue: JobQueue, clock: ManualClock, ms: number, ends: (() => void)[]): Promise<void> {
  const id = await queue.enqueue("convert");
  await vi.waitFor(() => expect(ends).toHaveLength(1), 15_000);
  await clock.advance(ms);
  ends.pop()?.();
  await queue.wait(id);
}

async function expectEstimates(queue: JobQueue, clock: ManualClock, reader: () => JobQueue): Promise<void> {
  const ends: (() => void)[] = [];
  let report = (_fraction: number) => {};
  background({ name: "convert", queue }, (_: undefined, job) => {
    report = (fraction) => job.progress(fraction);
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  const first = await queue.enqueue("convert");
  await vi.waitFor(() => expect(ends).toHaveLength(1), 15_000);
  expect((await queue.getResult(first))?.estimatedCompletion).toBeNull();
  ends.pop()?.();
  await queue.wait(first);
  for (const ms of [9_000, 10_000, 11_000, 12_000]) await complete(queue, clock, ms, ends);

  const startedAt = clock.now();
  const id = await queue.enqueue("convert");
  await vi.waitFor(() => expect(ends).toHaveLength(1), 15_000);
  await clock.advance("4s");
  const other = reader();
  const estimate = async () => Number((await other.getResult(id))?.estimatedCompletion) - startedAt;
  // The median of 0, 9, 10, 11 and 12 seconds, of jobs that this queue has not run.
  expect(await estimate()).toBe(10_000);
  expect(
    (await other.listJobs({ status: "running" })).map(({ estimatedCompletion }) => Number(estimatedCompletion)),
  ).toEqual([startedAt + 10_000]);
  await clock.advance("8s");
  // It takes longer than usual, so it may be done at any moment.
  expect(await estimate()).toBe(12_000);
  report(0.25);
  await vi.waitFor(async () => expect(await estimate()).toBe(48_000), 15_000);
  ends.pop()?.();
  await queue.wait(id);
  expect((await other.getResult(id))?.estimatedCompletion).toBeNull();
  if (other !== queue) await other.close();
}

test.for(Object.entries(QUEUES))(
  "estimatedCompletion follows earlier durations and reported progress on %s, even in a process that ran none of the jobs",
  { timeout: 60_000 },
  async ([name, open], { skip }) => {
    if (name === "redis" && isWithoutRedis) skip();
    const clock = new ManualClock();
    const queue = open({ clock });
    for (
      let tries = 1;
      !(await queue.ready().then(
        () => true,
        () => false,
      )) && tries < 10;
      tries++
    );
    await expectEstimates(queue, clock, () => open({ clock, worker: false }));
    await queue.close();
  },
);

test("estimatedCompletion follows earlier durations and reported progress in memory", async () => {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock });
  await expectEstimates(queue, clock, () => queue);
  await queue.close();
});
