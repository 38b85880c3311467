import { InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, test } from "vitest";
import { waitingOf } from "../../src/http/waiting.ts";

test("what waits is told of the twenty tasks with the most pending jobs, most first, and of each the oldest job", async () => {
  const queue = new InMemoryQueue({ worker: false });
  const oldest = new Map<string, string>();
  for (let task = 1; task <= 22; task++) {
    const [first] = await queue.enqueueMany(`task-${task}`, Array.from({ length: task }));
    oldest.set(`task-${task}`, first as string);
  }
  const { tasks, more } = await waitingOf(queue, undefined);
  expect(more).toBe(2);
  expect(tasks.map(({ task, pending }) => [task, pending])).toEqual(
    Array.from({ length: 20 }, (_, n) => [`task-${22 - n}`, 22 - n]),
  );
  for (const told of tasks) {
    expect(told.oldest.jobId).toBe(oldest.get(told.task));
    expect(told.explanation.causes[0]?.code).toBe("no_worker");
  }
  await queue.close();
});

test("a backlog that drains while it is looked at still waits: its newest job stands for it", async () => {
  const queue = new InMemoryQueue({ worker: false });
  const [oldest, newest] = await queue.enqueueMany("mail", [1, 2]);
  const explain = queue.explain.bind(queue);
  queue.explain = async (jobId) => {
    // As if a worker took it between the two reads.
    if (jobId === oldest) await queue.cancel(oldest);
    return explain(jobId);
  };
  const { tasks } = await waitingOf(queue, undefined);
  expect(tasks).toMatchObject([
    { task: "mail", pending: 2, oldest: { jobId: oldest }, explanation: { jobId: newest } },
  ]);
  await queue.close();
});

test("of jobs that are due, the one due longest is explained, however many older and newer ones are delayed", async () => {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock, worker: false });
  const [oldest] = await queue.enqueueMany("remind", Array.from({ length: 30 }), { delay: "7d" });
  const due = await queue.enqueue("remind");
  await clock.advance("1s");
  await queue.enqueue("remind");
  await queue.enqueueMany("remind", Array.from({ length: 30 }), { delay: "7d" });
  const { tasks } = await waitingOf(queue, undefined);
  expect(tasks).toMatchObject([{ pending: 62, oldest: { jobId: oldest }, explanation: { jobId: due } }]);
  await queue.close();
});

test("a job that is delayed does not hide that a newer one is due, and waits", async () => {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock, worker: false });
  const delayed = await queue.enqueue("remind", null, { delay: "7d" });
  const read = async () => (await waitingOf(queue, undefined)).tasks;
  expect(await read()).toMatchObject([{ oldest: { jobId: delayed }, explanation: { jobId: delayed } }]);
  await clock.advance("1s");
  const due = await queue.enqueue("remind");
  expect(await read()).toMatchObject([
    { pending: 2, oldest: { jobId: delayed }, explanation: { jobId: due, causes: [{ code: "no_worker" }] } },
  ]);
  await queue.close();
});
