import { type } from "arktype";
import * as v from "valibot";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import {
  background,
  currentJob,
  InMemoryQueue,
  type Job,
  JobError,
  newJobId,
  PermanentError,
  RedisQueue,
  SqliteQueue,
  type TaskOptions,
} from "../../src/background/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

const queues: InMemoryQueue[] = [];
const newQueue = (): InMemoryQueue => {
  const queue = new InMemoryQueue({ clock: new ManualClock() });
  queues.push(queue);
  return queue;
};
afterEach(async () => {
  for (const queue of queues.splice(0)) await queue.close();
});

const nothing = async (): Promise<void> => {};

test("a task has the handler's name, or the one it is given", () => {
  const queue = newQueue();
  expect(background({ queue }, async function resize() {}).name).toBe("resize");
  const shrink = async (): Promise<void> => {};
  expect(background({ queue }, shrink).name).toBe("shrink");
  expect(background({ queue, name: "images:resize.v2" }, shrink).name).toBe("images:resize.v2");
  expect(background({ queue, name: undefined }, async function grow() {}).name).toBe("grow");
});

test("a task without a name of its own or its handler's is an error that says how to give one", () => {
  expect(() => background(async () => {})).toThrow(
    expect.objectContaining({
      code: "invalid_task_name",
      message: expect.stringMatching(/no name.*background\(\{ name:/),
    }),
  );
  expect(() => background({ name: "" }, nothing)).toThrow(expect.objectContaining({ code: "invalid_task_name" }));
  expect(() => background({ name: "no spaces" }, nothing)).toThrow(/A task's name cannot be "no spaces"/);
});

test.each<[options: object, says: RegExp]>([
  [{ maxRetries: -1 }, /maxRetries of task 'mail' must be .*, not -1\./],
  [{ maxRetries: Number.NaN }, /maxRetries of task 'mail' must be .*, not NaN\./],
  [{ maxRetries: 1.5 }, /maxRetries of task 'mail' must be .*, not 1\.5\./],
  [{ maxRetries: Number.POSITIVE_INFINITY }, /maxRetries of task 'mail' must be .*, not Infinity\./],
  [{ maxRetries: "3" }, /maxRetries of task 'mail' must be .*, not "3"\./],
  [{ maxRetries: null }, /maxRetries of task 'mail' must be .*, not null\./],
  [{ backoff: { factor: 0 } }, /backoff of task 'mail'.factor/],
  [{ backoff: "soon" }, /backoff of task 'mail' must be a duration, not "soon":/],
  [{ timeout: 0 }, /timeout of task 'mail' must be more than 0: for no timeout, leave it out/],
  [{ timeout: -1 }, /timeout of task 'mail' must be a duration, not -1:/],
  [{ timeout: "1 minute" }, /timeout of task 'mail' must be a duration, not "1 minute":/],
  [{ concurrency: 0 }, /concurrency of task 'mail' must be .*, not 0\./],
  [{ concurrency: 1.5 }, /concurrency of task 'mail' must be .*, not 1\.5\./],
  [{ schema: {} }, /schema of task 'mail' is not a Standard Schema/],
  [{ schema: null }, /schema of task 'mail' is not a Standard Schema/],
  [{ maxretries: 3 }, /'maxretries' is not one of the options of background\(\): use name, maxRetries/],
])("%o is an error at once, which names the setting and the task", (options, says) => {
  expect(() =>
    background({ queue: newQueue(), name: "mail", ...options } as TaskOptions & { schema?: undefined }, nothing),
  ).toThrow(
    expect.objectContaining({ name: "JobError", code: "invalid_option", message: expect.stringMatching(says) }),
  );
});

test("an error says which argument is missing or wrong", () => {
  const loose = background as unknown as (...args: unknown[]) => unknown;
  expect(() => loose({ name: "mail" })).toThrow(/needs a handler: call background\(handler\)/);
  expect(() => loose({ name: "mail" }, "handler")).toThrow(/needs a handler/);
  expect(() => loose(undefined, nothing)).toThrow(/options of background\(\) must be an object, not undefined/);
  expect(() => loose(nothing, nothing)).toThrow(/must be an object/);
});

test("name, queue and options can be read but not changed", () => {
  const queue = newQueue();
  const options = { queue, maxRetries: 5, timeout: "1m" } as const;
  const task = background(options, async function readable() {});
  expect(task.queue).toBe(queue);
  expect(task.options).toEqual(options);
  expect(Object.isFrozen(task.options)).toBe(true);
  expect(() => Object.assign(task, { name: "other" })).toThrow(TypeError);
  expect(() => Object.assign(task, { queue: newQueue() })).toThrow(TypeError);
  expect(task.name).toBe("readable");
});

test("options changed afterwards change nothing", async () => {
  const queue = newQueue();
  const options: { queue: InMemoryQueue; maxRetries: number } = { queue, maxRetries: 0 };
  const task = background(options, async function unchanged() {
    throw new Error("once");
  });
  options.maxRetries = 9;
  const jobId = await task.enqueue();
  expect(await task.wait(jobId)).toMatchObject({ status: "failed", attempts: 1, maxRetries: 0 });
});

test("a direct call runs the handler here and now, with a job of its own that no queue knows of", async () => {
  const queue = newQueue();
  const seen: (Job | undefined)[] = [];
  const task = background({ queue, maxRetries: 2 }, async function direct(n: number, job) {
    await Promise.resolve();
    seen.push(job, currentJob());
    job.progress(0.5);
    job.log("a line");
    return 2 * n;
  });
  const calling = task(21);
  expect(await calling).toBe(42);
  expect(seen[0]).toBe(seen[1]);
  expect(seen[0]).toMatchObject({ task: "direct", attempt: 1, maxRetries: 2 });
  expect(seen[0]?.signal.aborted).toBe(false);
  expect(currentJob()).toBeUndefined();
  expect(await queue.listJobs()).toEqual([]);
  expect(await queue.getResult(seen[0]?.id as string)).toBeNull();
});

test("a direct call rejects with the handler's own error, at the first attempt, and never throws", async () => {
  const queue = newQueue();
  const error = new PermanentError("no");
  let calls = 0;
  const task = background({ queue }, function throwing(): void {
    calls++;
    throw error;
  });
  await expect(task()).rejects.toBe(error);
  expect(calls).toBe(1);
});

test("nested direct calls each have their own job", async () => {
  const queue = newQueue();
  const inner = background({ queue }, async function inner() {
    return currentJob()?.task;
  });
  const outer = background({ queue }, async function outer() {
    return [currentJob()?.task, await inner(), currentJob()?.task];
  });
  expect(await outer()).toEqual(["outer", "inner", "outer"]);
});

test("a direct call within a job is part of it: it has the job's signal, and its reports are the job's", async () => {
  const queue = newQueue();
  const signals: AbortSignal[] = [];
  const inner = background({ queue }, async function inner(isLong: boolean, job) {
    expect([currentJob(), job.task]).toEqual([job, "inner"]);
    job.log("from within");
    job.progress({ done: 1, total: 2 });
    job.recordUsage({ inputTokens: 3, outputTokens: 4, cost: 1 });
    signals.push(job.signal);
    if (isLong) await new Promise((_, reject) => job.signal.addEventListener("abort", () => reject(job.signal.reason)));
    return { id: job.id, attempt: job.attempt, maxRetries: job.maxRetries };
  });
  const outer = background({ queue, maxRetries: 7 }, async function outer(isLong: boolean, job) {
    return [await inner(isLong), currentJob() === job];
  });
  const jobId = await outer.enqueue(false);
  await outer.wait(jobId);
  expect(await queue.getDetails(jobId)).toMatchObject({
    result: [{ id: jobId, attempt: 1, maxRetries: 7 }, true],
    logs: ["from within"],
    progress: { done: 1, total: 2 },
    usage: { inputTokens: 3, outputTokens: 4, cost: 1 },
  });
  const long = await outer.enqueue(true);
  await expect.poll(() => signals).toHaveLength(2);
  await outer.cancel(long);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
});

const schemas = {
  zod: z.object({ count: z.coerce.number(), note: z.string().default("none") }),
  valibot: v.object({ count: v.pipe(v.string(), v.transform(Number)), note: v.optional(v.string(), "none") }),
  arktype: type({ count: "string.numeric.parse", note: "string = 'none'" }),
};

test.each(Object.keys(schemas) as (keyof typeof schemas)[])(
  "with a schema of %s, direct calls and jobs get its output, and wrong payloads are refused",
  async (kind) => {
    const queue = newQueue();
    const task = background(
      { queue, name: kind, schema: schemas[kind] as typeof schemas.zod },
      async (payload) => payload,
    );
    expect(await task({ count: "3" })).toEqual({ count: 3, note: "none" });
    const jobId = await task.enqueue({ count: "3" });
    expect(await task.wait(jobId)).toMatchObject({ result: { count: 3, note: "none" } });
    // The input is what is stored: the check is made again before each attempt.
    expect(await queue.getDetails(jobId)).toMatchObject({ payload: { count: "3" } });

    const refusal = { name: "JobError", code: "invalid_payload", task: kind, isInputError: true };
    await expect(task({ count: {} })).rejects.toMatchObject(refusal);
    await expect(task.enqueue({ count: {} })).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining("count"),
    });
    await expect(task.enqueueMany([{ count: "1" }, { count: {} }])).rejects.toMatchObject(refusal);
    expect((await queue.counts()).byStatus).toMatchObject({ pending: 0, completed: 1 });
  },
);

test("wrong arguments of enqueue() are a rejection with a clear message, and nothing is stored", async () => {
  const queue = newQueue();
  const task = background({ queue, name: "mail" }, async (_: unknown) => {});
  const loose = task.enqueue as (...args: unknown[]) => Promise<string>;
  for (const [options, code] of [
    [{ id: "no id" }, "invalid_id"],
    [{ id: newJobId().toUpperCase() }, "invalid_id"],
    [{ delay: -1 }, "invalid_option"],
    [{ delay: "soon" }, "invalid_option"],
    [{ runAt: new Date(Number.NaN) }, "invalid_option"],
    [{ runAt: 5 }, "invalid_option"],
    [{ delay: 1, runAt: new Date() }, "invalid_option"],
    [{ dealy: 1 }, "invalid_option"],
    [null, "invalid_option"],
  ] as const) {
    await expect(loose({}, options)).rejects.toMatchObject({ name: "JobError", code });
  }
  await expect(task.enqueue({ f: () => 1 })).rejects.toMatchObject({
    code: "not_serializable",
    jobId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    message: expect.stringContaining("payload.f is a function"),
  });
  await expect(task.enqueueMany([1, Symbol("s")])).rejects.toMatchObject({ code: "not_serializable" });
  await expect((task.enqueueMany as (list: unknown) => Promise<string[]>)("text")).rejects.toBeInstanceOf(JobError);
  expect(await queue.listJobs()).toEqual([]);
});

test("every option of a call may be undefined", async () => {
  const queue = newQueue();
  const task = background(
    {
      queue,
      name: "mail",
      maxRetries: undefined,
      backoff: undefined,
      timeout: undefined,
      concurrency: undefined,
      schema: undefined,
    },
    async (n: number) => n,
  );
  const jobId = await task.enqueue(1, { id: undefined, delay: undefined, runAt: undefined });
  expect(await task.wait(jobId, { timeout: undefined, signal: undefined })).toMatchObject({ result: 1, maxRetries: 3 });
  expect(await task.cancel(jobId, { by: undefined })).toBe(false);
  expect(await task.enqueueMany([], undefined)).toEqual([]);
});

test("a payload is stored as it is when enqueue() is called", async () => {
  const queue = newQueue();
  const task = background({ queue }, async function takenAtOnce(list: number[]) {
    return list;
  });
  const list = [1];
  const enqueued = task.enqueue(list);
  list.push(2);
  expect(await task.wait(await enqueued)).toMatchObject({ result: [1] });
});

test.each([{}, null, "redis://localhost", () => {}])(
  "a queue option that is not a queue is an error of the task: %j",
  (queue) => {
    const make = () => background({ queue: queue as never, name: "mail" }, async () => {});
    expect(make).toThrow(expect.objectContaining({ name: "JobError", code: "invalid_option", task: "mail" }));
  },
);

test.each<[string, () => unknown, RegExp]>([
  ["worker", () => new InMemoryQueue({ worker: "no" as never }), /worker option must be true or false, not "no"/],
  ["thread", () => new SqliteQueue({ thread: "no" as never }), /thread option of .* must be true or false, not "no"/],
  [
    "allowEviction",
    () => new RedisQueue({ allowEviction: "no" as never }),
    /allowEviction option of .* must be true or false, not "no"/,
  ],
  ["clock", () => new InMemoryQueue({ clock: {} as never }), /clock has no method now\(\)/],
])("an invalid %s of a queue is an error when the queue is made", (_, make, message) => {
  expect(make).toThrow(
    expect.objectContaining({ name: "JobError", code: "invalid_option", message: expect.stringMatching(message) }),
  );
});
