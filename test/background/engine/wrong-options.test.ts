import { background, type JobQueue, newJobId, RedisQueue, type Task } from "rapidai/background";
import { expect, test } from "vitest";
import { scene } from "./scene.ts";

type Call = (queue: JobQueue, task: Task<unknown, unknown>, jobId: string) => Promise<unknown>;

const queueCalls: Readonly<Record<string, (queue: JobQueue, jobId: string, wrong: never) => Promise<unknown>>> = {
  "the signal of wait()": (queue, jobId, signal) => queue.wait(jobId, { signal }),
  "the task of wait()": (queue, jobId, task) => queue.wait(jobId, { task }),
  "the task of cancel()": (queue, jobId, task) => queue.cancel(jobId, { task }),
  "the by of cancel()": (queue, jobId, by) => queue.cancel(jobId, { by }),
  "the task of retry()": (queue, jobId, task) => queue.retry(jobId, { task }),
  "the tasks of oldestDue()": (queue, _, tasks) => queue.oldestDue({ tasks }),
  "the tasks of start()": (queue, _, tasks) => queue.start({ tasks }),
  "watchFinished()": (queue, _, listener) => queue.watchFinished(listener),
};

const taskCalls: Readonly<Record<string, Call>> = {
  "a number for the options of wait()": (_, task, jobId) => task.wait(jobId, 3 as never),
  "a number for the options of cancel()": (_, task, jobId) => task.cancel(jobId, 3 as never),
  "null for the options of wait()": (_, task, jobId) => task.wait(jobId, null as never),
  "null for the options of cancel()": (_, task, jobId) => task.cancel(jobId, null as never),
  "another task to wait() for": (_, task, jobId) => task.wait(jobId, { task: "other" } as never),
  "another task to cancel() a job of": (_, task, jobId) => task.cancel(jobId, { task: "other" } as never),
};

const refusal = (says: string) =>
  expect.objectContaining({ name: "JobError", code: "invalid_option", message: expect.stringContaining(says) });

test.each(Object.entries(queueCalls))(
  "%s is refused when it has the wrong type, and nothing is done",
  async (what, call) => {
    const { queue } = scene({ worker: false });
    const jobId = await queue.enqueue("work", 1);
    const says = what.replace("the ", "");
    for (const wrong of [3, true, null, {}, Symbol("s"), Object.create(null)])
      for (const id of [jobId, newJobId(), "none"])
        await expect(call(queue, id, wrong as never)).rejects.toEqual(refusal(says));
    expect((await queue.getResult(jobId))?.status).toBe("pending");
  },
);

test.each(Object.entries(taskCalls))("%s is refused by a task, and nothing is done", async (_, call) => {
  const { queue } = scene({ worker: false });
  const task = background({ queue, name: "work" }, (_: unknown): unknown => undefined);
  const jobId = await task.enqueue(1);
  await expect(call(queue, task, jobId)).rejects.toEqual(refusal("a job of task 'work'"));
  expect((await queue.getResult(jobId))?.status).toBe("pending");
});

test("a url of a RedisQueue that is not a string is refused with a clear message", () => {
  for (const url of [6_379, null, new URL("redis://db"), Object.create(null)])
    expect(() => new RedisQueue({ url })).toThrow(
      refusal("The url of a RedisQueue must be a string, not a value of type"),
    );
});
