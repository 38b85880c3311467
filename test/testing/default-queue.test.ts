import { background, getQueue } from "rapidai/background";
import { defaultQueueOn, ManualClock } from "rapidai/testing";
import { expect, test } from "vitest";

test("tasks without a queue of their own run on the clock of one test after the other", async () => {
  const runs: string[] = [];
  const task = background({ name: "on-a-clock", backoff: "5s", maxRetries: 1 }, async (which: string) => {
    runs.push(which);
    throw new Error("always");
  });
  for (const which of ["first", "second"]) {
    const clock = new ManualClock();
    const queue = defaultQueueOn(clock);
    expect(getQueue()).toBe(queue);
    const jobId = await task.enqueue(which);
    await clock.drain();
    await clock.advance(4_999);
    expect(runs.filter((run) => run === which)).toHaveLength(1);
    await clock.advance(1);
    await clock.drain();
    expect(await task.getResult(jobId)).toMatchObject({ status: "failed", attempts: 2 });
    await queue.close();
  }
});

test("a default queue that is there already is in its way, and no harm is done", async () => {
  const clock = new ManualClock();
  const queue = getQueue();
  expect(() => defaultQueueOn(clock)).toThrow(
    expect.objectContaining({ code: "queue_conflict", message: expect.stringContaining("await getQueue().close()") }),
  );
  expect(getQueue()).toBe(queue);
  await clock.drain();
  await queue.close();
  await defaultQueueOn(clock).close();
});
