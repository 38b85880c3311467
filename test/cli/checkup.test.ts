import { background, InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, onTestFinished, test } from "vitest";
import { checksOf } from "../../src/cli/checkup.ts";

const HOUR_MS = 3_600_000;

test("a job that runs for too long is found behind as many newer ones as there are", async () => {
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const queue = new InMemoryQueue({ clock, concurrency: 1_200 });
  const gate = Promise.withResolvers<void>();
  onTestFinished(async () => {
    gate.resolve();
    await queue.close();
  });
  const never = background({ name: "never", queue }, () => gate.promise);
  const busy = background({ name: "busy", queue }, () => gate.promise);
  const jobId = await never.enqueue();
  await clock.advance("2h");
  await busy.enqueueMany(Array.from({ length: 1_100 }));
  await clock.advance(0);
  const { checks } = await checksOf(queue, { backend: "memory", url: "memory:" }, HOUR_MS);
  expect(checks.find(({ name }) => name === "stuck")).toMatchObject({
    status: "warn",
    message: `1 of 1101 running jobs has run for longer than 1 h: ${jobId} (never)`,
  });
});

/** A queue with one slot for `work`, whose jobs end when the gate opens. */
function busyQueue(clock: ManualClock) {
  const queue = new InMemoryQueue({ clock });
  const gate = Promise.withResolvers<void>();
  onTestFinished(async () => {
    gate.resolve();
    await queue.close();
  });
  return { queue, work: background({ name: "work", queue, concurrency: 1 }, () => gate.promise) };
}

async function checkOf(name: string, queue: InMemoryQueue): Promise<unknown> {
  const { checks } = await checksOf(queue, { backend: "memory", url: "memory:" }, HOUR_MS);
  return checks.find((check) => check.name === name);
}

test("a job that has long been due behind one that hangs is told with the cause, a delayed one is not", async () => {
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const { queue, work } = busyQueue(clock);
  const hangs = await work.enqueue();
  await clock.advance(0);
  const waits = await work.enqueue();
  await queue.enqueue("later", null, { delay: "1d" });
  await clock.advance("59m");
  expect(await checkOf("waiting", queue)).toMatchObject({ status: "ok" });
  await clock.advance("1h");
  expect(await checkOf("waiting", queue)).toMatchObject({
    status: "warn",
    message: expect.stringMatching(
      `^1 job of work pending, of which ${waits} has been due for 1 h: The task 'work' .* Job ${hangs} has run longest`,
    ),
    remedy: expect.stringContaining("cancel it"),
  });
});

test("a task with a single late job is found among many with more jobs, which no worker runs", async () => {
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const { queue, work } = busyQueue(clock);
  for (let task = 0; task < 30; task++) await queue.enqueueMany(`renamed-${task}`, [1, 2]);
  await work.enqueue();
  await clock.advance(0);
  const waits = await work.enqueue();
  await clock.advance("2h");
  expect(await checkOf("waiting", queue)).toMatchObject({
    status: "warn",
    message: expect.stringContaining(`1 job of work pending, of which ${waits} has been due for 2 h`),
  });
});

test("how long jobs without a worker have been due is told, also where no worker is alive", async () => {
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const queue = new InMemoryQueue({ clock, worker: false });
  onTestFinished(() => queue.close());
  await queue.enqueue("mail");
  await queue.enqueue("later", null, { delay: "1d" });
  await clock.advance("30m");
  await queue.enqueue("charge");
  expect(await checkOf("waiting", queue)).toMatchObject({
    status: "ok",
    message: "No job has been due for longer than 1 h",
  });
  await clock.advance("90m");
  expect(await checkOf("waiting", queue)).toMatchObject({
    status: "warn",
    message: "Jobs whose task no live worker has have been due for up to 2 h: mail, charge.",
  });
});

test("a late job that has started before it could be explained does not count as waiting for what it did since", async () => {
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const queue = new InMemoryQueue({ clock });
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  onTestFinished(async () => {
    for (const gate of gates) gate.resolve();
    await queue.close();
  });
  const work = background({ name: "work", queue, concurrency: 1 }, (gate: number) => gates[gate]?.promise);
  await work.enqueue(0);
  await clock.advance(0);
  const late = await work.enqueue(1);
  await work.enqueue(1);
  await clock.advance("2h");
  const explain = queue.explain.bind(queue);
  queue.explain = async (jobId) => {
    gates[0]?.resolve();
    await clock.advance(0);
    return explain(jobId);
  };
  expect(await checkOf("waiting", queue)).toMatchObject({
    status: "warn",
    message: `2 jobs of work pending, of which ${late} has been due for 2 h: It is no longer pending, so workers get through the task's jobs, but late.`,
    remedy: "Wait, raise the queue's concurrency, or start more workers.",
  });
});

test("of many tasks that are late, the latest are explained and the others counted", async () => {
  const clock = new ManualClock(Date.now() - 3 * HOUR_MS);
  const queue = new InMemoryQueue({ clock, concurrency: 1 });
  const gate = Promise.withResolvers<void>();
  onTestFinished(async () => {
    gate.resolve();
    await queue.close();
  });
  const names = Array.from({ length: 12 }, (_, number) => `task-${number}`);
  const tasks = names.map((name) => background({ name, queue }, () => gate.promise));
  await tasks[0]?.enqueue();
  for (const task of tasks.toReversed()) {
    await clock.advance("1m");
    await task.enqueue();
  }
  await clock.advance("2h");
  const { checks } = await checksOf(queue, { backend: "memory", url: "memory:" }, HOUR_MS);
  const told = checks.filter(({ name }) => name === "waiting").map(({ message }) => message);
  expect(told).toHaveLength(11);
  expect(told[0]).toMatch(/^1 job of task-11 pending/);
  expect(told.at(-1)).toBe("2 more tasks with jobs that have been due for long.");
});

test("jobs that fail again and again are told before their retries are used up", async () => {
  const clock = new ManualClock();
  const queue = new InMemoryQueue({ clock });
  onTestFinished(() => queue.close());
  const charge = background({ name: "charge", queue, backoff: "1h" }, (customer: string) => {
    throw new Error(`no route to the bank of ${customer}`);
  });
  await queue.enqueue("other");
  expect(await checkOf("retries", queue)).toMatchObject({ status: "ok", message: "No pending job has failed before" });
  const latest = await charge.enqueue("Ada", { delay: 10 });
  await charge.enqueue("Bo");
  await clock.advance("1s");
  expect(await checkOf("failures", queue)).toMatchObject({ message: "No job failed within the last hour" });
  expect(await checkOf("retries", queue)).toMatchObject({
    status: "ok",
    message: `2 pending jobs have failed before: 2 of charge; the latest is ${latest}: no route to the bank of Ada`,
  });
  await queue.enqueueMany("other", Array.from({ length: 999 }));
  expect(await checkOf("retries", queue)).toMatchObject({
    message: expect.stringMatching(
      /^Of the 1000 pending jobs created last, 1 has failed before: 1 of charge; the latest/,
    ),
  });
  await queue.enqueue("other");
  expect(await checkOf("retries", queue)).toMatchObject({
    message: "Of the 1000 pending jobs created last, none has failed before",
  });
});

test("failures are counted by task, with the error of the latest", async () => {
  const queue = new InMemoryQueue();
  onTestFinished(() => queue.close());
  const mail = background({ name: "mail", queue, maxRetries: 0 }, (error: string) => {
    throw new Error(error);
  });
  const charge = background({ name: "charge", queue, maxRetries: 0 }, () => {
    throw new Error("declined");
  });
  await charge.wait(await charge.enqueue());
  for (const error of ["no route", "x".repeat(500)]) await mail.wait(await mail.enqueue(error));
  expect(await checkOf("failures", queue)).toMatchObject({
    message: expect.stringMatching(
      /^3 jobs failed within the last hour: 2 of mail, 1 of charge; the latest is [-0-9a-f]{36}: x{199}…$/,
    ),
  });
});

test("failures are not said to be all where only the newest of many failed jobs were examined", async () => {
  const clock = new ManualClock(Date.now() - 3 * HOUR_MS);
  const queue = new InMemoryQueue({ clock });
  onTestFinished(() => queue.close());
  const fail = background({ name: "fail", queue, maxRetries: 0 }, () => {
    throw new Error("no route");
  });
  const old = await fail.enqueue(undefined, { delay: "150m" });
  await fail.enqueueMany(Array.from({ length: 1_000 }));
  await clock.advance("170m");
  expect(await queue.getResult(old)).toMatchObject({ status: "failed" });
  expect(await checkOf("failures", queue)).toMatchObject({
    status: "ok",
    message: expect.stringMatching(
      /^Of the 1000 failed jobs created last, none failed within the last hour; for older/,
    ),
  });
  await fail.enqueue();
  await clock.advance(0);
  expect(await checkOf("failures", queue)).toMatchObject({
    status: "warn",
    message: expect.stringMatching(/^1 job or more failed within the last hour: 1 of fail;/),
  });
});

test("how long a job has run is by the clock of the store, and workers of another release are named", async () => {
  // This machine's clock is ahead of the store's.
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const { queue, work } = busyQueue(clock);
  await work.enqueue();
  await clock.advance("1m");
  const health = await queue.health();
  const worker = { id: "a:1", tasks: ["work"], slots: 1, concurrency: {}, version: "0.0.1" };
  queue.health = async () => ({ ...health, workers: [worker], details: { clockDifferenceMs: -2 * HOUR_MS } });
  expect(await checkOf("stuck", queue)).toMatchObject({ status: "ok" });
  expect(await checkOf("versions", queue)).toMatchObject({
    message: expect.stringContaining("Workers run rapidai 0.0.1 (a:1), but this is "),
  });
});
