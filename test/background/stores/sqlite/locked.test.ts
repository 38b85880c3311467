import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, newJobId, SqliteQueue, type Task } from "rapidai/background";
import { expect, type TestContext, test } from "vitest";
import { newFolder } from "../peers.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Measures the longest time for which the event loop is blocked. */
function watchLoop(): () => number {
  let longestMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 5);
  return () => {
    clearInterval(timer);
    return longestMs;
  };
}

interface Scene {
  readonly queue: SqliteQueue;
  readonly work: Task<number, number>;
  /** The other program's connection to the same file. */
  readonly other: DatabaseSync;
}

async function scene(thread: boolean, { onTestFinished }: TestContext): Promise<Scene> {
  const path = join(newFolder(), "jobs.db");
  const queue = new SqliteQueue({ path, thread });
  const work = background({ name: "work", queue }, (n: number) => n);
  await work.wait(await work.enqueue(0));
  const other = new DatabaseSync(path);
  onTestFinished(async () => {
    if (other.isTransaction) other.exec("ROLLBACK");
    other.close();
    await queue.close();
  });
  return { queue, work, other };
}

const THREADS = [true, false];

test.for(THREADS)(
  "while another program keeps a transaction open, the event loop stays free, and calls wait for its end and then succeed (thread: %s)",
  async (thread, context) => {
    const { queue, work, other } = await scene(thread, context);
    other.exec("BEGIN IMMEDIATE");
    const longestMs = watchLoop();
    const enqueued = Promise.all([1, 2, 3].map((n) => work.enqueue(n)));
    // Reads do not wait for writers.
    expect(await queue.listJobs({ status: "completed" })).toHaveLength(1);
    await pause(1_400);
    expect(longestMs()).toBeLessThan(390);
    other.exec("COMMIT");
    const releasedAt = performance.now();
    const ids = await enqueued;
    expect(performance.now() - releasedAt).toBeLessThan(1_000);
    for (const id of ids) expect(await work.wait(id)).toMatchObject({ status: "completed" });
  },
);

// These mostly wait.
test.concurrent.for(THREADS)(
  "if another program keeps a transaction open for long, calls are refused in about two seconds and can be repeated, and work resumes by itself (thread: %s)",
  async (thread, context) => {
    const { queue, work, other } = await scene(thread, context);
    // It becomes due for the worker while the file is locked.
    const due = await work.enqueue(1, { delay: 300 });
    other.exec("BEGIN IMMEDIATE");
    const startedAt = performance.now();
    const ids = Array.from({ length: 12 }, newJobId);
    const tookMs: number[] = [];
    const calls = ids.map(async (id, index) => {
      // One after the other, so that some come while others are being tried.
      await pause(60 * index);
      const calledAt = performance.now();
      const call = index % 3 === 0 ? queue.cancel(id) : index % 3 === 1 ? queue.retry(id) : work.enqueue(2, { id });
      const refusal = { code: "queue_unavailable", message: expect.stringContaining("locked by another connection") };
      await expect(call).rejects.toMatchObject(refusal);
      tookMs.push(performance.now() - calledAt);
    });
    await Promise.all(calls);
    // Calls that share a try share the time limit of the first of them.
    expect(Math.max(...tookMs)).toBeGreaterThan(1_500);
    // Two seconds, and as many again for a call that came while others were being tried.
    expect(Math.max(...tookMs)).toBeLessThan(5_000);
    expect(await queue.getResult(due)).toMatchObject({ status: "pending" });
    const health = await queue.health();
    expect(health.isHealthy).toBe(false);

    other.exec("COMMIT");
    for (const id of ids) expect(await work.enqueue(2, { id })).toBe(id);
    for (const id of [due, ...ids]) expect(await work.wait(id)).toMatchObject({ status: "completed", attempts: 1 });
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  },
);

test.concurrent("close() takes a bounded time while another program keeps a transaction open", async () => {
  const path = join(newFolder(), "jobs.db");
  const queue = new SqliteQueue({ path });
  const work = background({ name: "work", queue }, () => new Promise<never>(() => {}));
  const started = new Promise((resolve) => queue.on("started", resolve));
  const jobId = await work.enqueue();
  await started;
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const startedAt = performance.now();
  await queue.close({ grace: 50 });
  expect(performance.now() - startedAt).toBeLessThan(9_000);
  other.exec("COMMIT");
  other.close();
  // It was handed back once the file was free, or will be recovered when its lease expires.
  const next = new SqliteQueue({ path, worker: false });
  expect(["running", "pending"]).toContain((await next.getResult(jobId))?.status);
  await next.close();
});
