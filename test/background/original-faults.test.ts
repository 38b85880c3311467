import { readdir, readFile } from "node:fs/promises";
import { background, getQueue, InMemoryQueue, JobError, JobStatus, newJobId, parseJobStatus } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

// The faults of the Python original: each test says what is right, and would fail on the original.
// The faults of its App (routes with <job_id>, a status beside the body) are covered in test/app.

let clock: ManualClock;
let queue: InMemoryQueue;

beforeEach(() => {
  clock = new ManualClock();
  queue = new InMemoryQueue({ clock });
});

afterEach(() => queue.close({ grace: 0 }));

/** A task that fails until its attempt `succeedsAt`, and when its attempts began, in seconds. */
function failing(maxRetries: number, succeedsAt = Number.POSITIVE_INFINITY) {
  const begin = clock.now();
  const starts: number[] = [];
  const task = background({ queue, maxRetries }, async function failing(_: undefined, job) {
    starts.push((clock.now() - begin) / 1_000);
    if (job.attempt < succeedsAt) throw new Error(`attempt ${job.attempt} failed`);
    return "done";
  });
  return { task, starts };
}

describe("maxRetries counts retries, not attempts", () => {
  test("5 gives six attempts, 2, 4, 8, 16 and 32 seconds apart", async () => {
    const { task, starts } = failing(5);
    const jobId = await task.enqueue();
    await clock.advance("1h");
    expect(starts).toEqual([0, 2, 6, 14, 30, 62]);
    expect(await task.getResult(jobId)).toMatchObject({ status: "failed", attempts: 6, maxRetries: 5 });
  });

  test("1 gives two attempts", async () => {
    const { task, starts } = failing(1, 2);
    const jobId = await task.enqueue();
    await clock.advance("2s");
    expect(starts).toEqual([0, 2]);
    expect((await task.getResult(jobId))?.status).toBe("completed");
  });

  test("0 gives one attempt", async () => {
    const { task, starts } = failing(0, 1);
    const jobId = await task.enqueue();
    await clock.advance("1h");
    expect(starts).toEqual([0]);
    expect((await task.getResult(jobId))?.status).toBe("completed");
  });
});

describe("a cancel that answers true has cancelled", () => {
  const expectCancelled = async (jobId: string, calls: () => number) => {
    const before = calls();
    expect(await queue.cancel(jobId)).toBe(true);
    const job = await queue.getResult(jobId);
    expect(job).toMatchObject({ status: "cancelled", isDone: true });
    expect(job?.completedAt).toEqual(new Date(clock.now()));
    await clock.advance("1h");
    expect((await queue.getResult(jobId))?.status).toBe("cancelled");
    expect(calls()).toBe(before);
    expect(await queue.cancel(jobId)).toBe(false);
  };

  test("before the first tick", async () => {
    const { task, starts } = failing(3);
    await expectCancelled(await task.enqueue(), () => starts.length);
    expect(starts).toEqual([]);
  });

  test("during a retry wait", async () => {
    const { task, starts } = failing(3);
    const jobId = await task.enqueue();
    await clock.drain();
    await expectCancelled(jobId, () => starts.length);
    expect(starts).toEqual([0]);
  });

  test("exactly once when called many times at once: it is one step, not a read and then a write", async () => {
    const { task } = failing(3);
    const jobId = await task.enqueue(undefined, { delay: "1h" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => task.cancel(jobId)));
    expect(answers.filter(Boolean)).toHaveLength(1);
  });
});

test("a job that failed and then succeeded has no error", async () => {
  const { task } = failing(3, 3);
  const jobId = await task.enqueue();
  await clock.advance("6s");
  const job = await task.getResult(jobId);
  expect(job).toMatchObject({ status: "completed", result: "done", error: null });
  expect(job?.errors).toHaveLength(2);
});

test("a job that waits for a retry is pending, not running", async () => {
  const { task } = failing(3);
  const jobId = await task.enqueue();
  await clock.drain();
  expect((await task.getResult(jobId))?.status).toBe("pending");
  expect(await queue.listJobs({ status: "running" })).toEqual([]);
});

describe("getQueue", () => {
  test("never returns another backend than the one that was asked for", async () => {
    await using memory = getQueue();
    expect(getQueue()).toBe(memory);
    expect(getQueue({ backend: "memory", url: null })).toBe(memory);
    for (const backend of ["redis", "sqlite"] as const)
      expect(() => getQueue({ backend })).toThrow(expect.objectContaining({ code: "queue_conflict" }));
    expect(() => getQueue({ url: "redis://localhost:6379" })).toThrow(JobError);
    expect(() => getQueue({ backend: "rabbit" as never })).toThrow(
      expect.objectContaining({ code: "unknown_backend" }),
    );
  });

  test("creates nothing on import: the first call still chooses", async () => {
    // Tasks without a queue attach one turn after they are made.
    background(async function undecided() {});
    await using chosen = getQueue({ backend: "memory" });
    expect(chosen).toBeInstanceOf(InMemoryQueue);
  });
});

describe("nothing stored is code", () => {
  test("a function can be neither a payload nor a result", async () => {
    const task = background({ queue, maxRetries: 3 }, async function returnsCode(_: unknown) {
      return () => "code";
    });
    await expect(task.enqueue(() => "code")).rejects.toMatchObject({ code: "not_serializable" });
    const jobId = await task.enqueue(1);
    await clock.advance("1h");
    expect(await task.getResult(jobId)).toMatchObject({ status: "failed", attempts: 1 });
  });

  test("a job is found by its task's name: any process with that task can run it", async () => {
    const jobId = await queue.enqueue("by-name", { n: 1 });
    background({ queue, name: "by-name" }, async ({ n }: { n: number }) => n + 1);
    await clock.drain();
    expect((await queue.getResult(jobId))?.result).toBe(2);
  });

  test("no source evaluates text or asks a database for all of its keys", async () => {
    const root = new URL("../../src/background/", import.meta.url);
    const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith(".ts"));
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      const source = await readFile(new URL(file, root), "utf8");
      expect(source, file).not.toMatch(/\beval\(|new Function\(|["'`]KEYS["'`]|\.keys\(["'`]\*/i);
    }
  });
});

test("a queue runs what is enqueued, without a consumer that someone must write", async () => {
  const task = background({ queue }, async function consumed() {
    return "by the queue";
  });
  expect((await task.wait(await task.enqueue())).result).toBe("by the queue");
});

test("ready() rejects where the guide expects an error, so that the caller can fall back", async () => {
  const closed = new InMemoryQueue();
  await closed.close();
  await expect(closed.ready()).rejects.toBeInstanceOf(JobError);
  await queue.ready();
});

test("records are not kept for ever", async () => {
  const task = background({ queue }, async function shortLived() {});
  const jobId = await task.enqueue();
  await clock.drain();
  clock.set(clock.now() + 8 * 86_400_000);
  await clock.advance("2m");
  expect(await queue.getResult(jobId)).toBe(null);
  expect(await queue.listJobs()).toEqual([]);
});

describe("what is read is a snapshot", () => {
  test("it does not change as the job goes on", async () => {
    const { task } = failing(3, 2);
    const jobId = await task.enqueue();
    const before = await task.getResult(jobId);
    await clock.advance("2s");
    expect(before).toMatchObject({ status: "pending", attempts: 0, startedAt: null });
  });

  test("it cannot be changed, and nothing that is done to it reaches the job", async () => {
    const task = background({ queue }, async function shared() {
      return { list: [1] };
    });
    const jobId = await task.enqueue();
    await clock.drain();
    const job = (await task.getResult(jobId)) as { status: string; result: { list: number[] }; createdAt: Date };
    expect(() => {
      job.status = "failed";
    }).toThrow(TypeError);
    job.result.list.push(2);
    job.createdAt.setTime(0);
    const again = await task.getResult(jobId);
    expect(again).toMatchObject({ status: "completed", result: { list: [1] }, createdAt: new Date(clock.now()) });
  });

  test("changing the payload after the call of enqueue() has no effect", async () => {
    const task = background({ queue }, async function echoes(payload: { n: number }) {
      return payload.n;
    });
    const payload = { n: 1 };
    const enqueued = task.enqueue(payload);
    payload.n = 2;
    const jobId = await enqueued;
    await clock.drain();
    expect((await task.getResult(jobId))?.result).toBe(1);
  });

  test("JobStatus and parseJobStatus know the five states and nothing else", () => {
    expect(Object.values(JobStatus)).toEqual(["pending", "running", "completed", "failed", "cancelled"]);
    expect(parseJobStatus("failed")).toBe(JobStatus.FAILED);
    for (const text of ["FAILED", "toString", "", null, undefined])
      expect(() => parseJobStatus(text)).toThrow(expect.objectContaining({ code: "invalid_status" }));
  });
});

test("times are instants, written in UTC whatever the time zone of the process", async () => {
  const zone = process.env.TZ;
  try {
    process.env.TZ = "Pacific/Auckland";
    const jobId = await queue.enqueue("anything");
    const job = await queue.getResult(jobId);
    expect(+(job?.createdAt as Date)).toBe(clock.now());
    expect(JSON.parse(JSON.stringify(job)).createdAt).toBe("2026-01-01T00:00:00.000Z");
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("getResult() answers null for an unknown id, a malformed one and another task's", async () => {
  const { task } = failing(3);
  const other = background({ queue }, async function other() {});
  const jobId = await task.enqueue();
  for (const id of [newJobId(), "nonsense", "", "../../etc", jobId.toUpperCase()])
    expect(await task.getResult(id)).toBe(null);
  expect(await other.getResult(jobId)).toBe(null);
});
