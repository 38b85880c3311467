import { background, InMemoryQueue, type JobQueue } from "rapidai/background";
import type { Redact } from "rapidai/http";
import { expect, onTestFinished, test, vi } from "vitest";
import { hangs, heldBack } from "../background/engine/faulty-store.ts";
import { scene } from "../background/engine/scene.ts";
import { callerOf } from "./scene.ts";

const HIDDEN = "[hidden]";

/** Hides all that the task's own code has said. */
const redact: Redact = (job) => ({
  ...job,
  payload: HIDDEN,
  result: HIDDEN,
  error: job.error === null ? null : HIDDEN,
  errors: [],
  history: [],
  logs: [],
  progress: null,
  cancelledBy: job.cancelledBy === null ? null : HIDDEN,
});

function queueOf(options: { readonly worker?: boolean } = {}): JobQueue {
  const queue = new InMemoryQueue(options);
  onTestFinished(() => queue.close({ grace: 0 }));
  return queue;
}

test("what is hidden is in no answer", async () => {
  const queue = queueOf();
  const work = background({ queue, name: "work", maxRetries: 1, backoff: "1h" }, async (end: string, job) => {
    job.log(`${end} log`);
    job.progress({ done: 1, total: 2, message: `${end} progress` });
    if (end.includes("running")) await new Promise((_, reject) => job.signal.addEventListener("abort", reject));
    if (end.includes("fails")) throw new Error(`${end} error`);
    return `${end} result`;
  });
  const completes = await work.enqueue("secret completes");
  const fails = await work.enqueue("secret fails");
  const running = await work.enqueue("secret running");
  const cancelled = await work.enqueue("secret delayed", { delay: "1h" });
  await work.cancel(cancelled, { by: "secret canceller" });
  await work.wait(completes);
  await expect.poll(async () => (await queue.getResult(fails))?.error).toContain("secret");
  await expect.poll(async () => (await queue.getResult(running))?.progress?.message).toContain("secret");
  const { get } = callerOf({ queue, redact });
  const open = callerOf({ queue });
  const paths = [completes, fails, running, cancelled].flatMap((id) => [`/jobs/${id}`, `/jobs/${id}/explain`]);
  for (const path of [...paths, "/jobs"]) {
    const [hidden, shown] = [await get(path), await open.get(path)];
    expect(hidden.status).toBe(200);
    expect(JSON.stringify(hidden.body), path).not.toContain("secret");
    // So that the test means something.
    if (!path.includes(`${completes}/explain`)) expect(JSON.stringify(shown.body), path).toContain("secret");
  }
  expect((await get(`/jobs/${cancelled}/explain`)).body.causes[0].message).toContain(`cancelled by ${HIDDEN}`);
  expect((await get(`/jobs/${fails}/explain`)).body.causes[0].detail).toBe(HIDDEN);
});

test("what is hidden is not told of a job that changes or goes while it is explained", async () => {
  const { queue, store } = scene({ worker: false });
  const { get } = callerOf({ queue, redact });
  const changes: Readonly<Record<string, (jobId: string) => Promise<unknown>>> = {
    another: async (jobId) => {
      await queue.retry(jobId);
      await queue.cancel(jobId, { by: "another secret" });
    },
    none: (jobId) => queue.retry(jobId),
    gone: () => queue.prune({ count: 0 }),
  };
  for (const [name, change] of Object.entries(changes)) {
    const jobId = await queue.enqueue("work", 1);
    await queue.cancel(jobId, { by: "secret" });
    const explaining = heldBack();
    const heal = store.on("count", explaining.fault);
    const answered = get(`/jobs/${jobId}/explain`);
    await expect.poll(() => explaining.waiting, { interval: 1 }).toBe(2);
    await change(jobId);
    heal();
    explaining.release();
    const { status, body } = await answered;
    expect({ name, status }).toEqual({ name, status: name === "gone" ? 404 : 200 });
    expect(JSON.stringify(body), name).not.toContain("secret");
  }
});

test("a store that hangs is explained in time also where something is hidden", async () => {
  const { queue, store } = scene({ worker: false });
  const jobId = await queue.enqueue("work", 1);
  for (const method of ["get", "count"] as const) store.on(method, hangs());
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const answered = callerOf({ queue, redact }).get(`/jobs/${jobId}/explain`);
  await vi.advanceTimersByTimeAsync(10_000);
  const { status, body } = await answered;
  expect([status, body.causes[0].code]).toEqual([200, "backend_unhealthy"]);
});

test("a search finds nothing out about what is hidden, not even in bulk", async () => {
  const queue = queueOf({ worker: false });
  await queue.enqueue("work", { card: "4242" });
  await queue.enqueue("work", { card: "1111" });
  const { get, post } = callerOf({ queue, redact });
  expect((await get("/jobs?search=4242")).body.jobs).toEqual([]);
  expect((await post("/jobs/cancel", { search: "4242" })).body).toMatchObject({ changed: 0 });
  expect((await get(`/jobs?search=${HIDDEN}`)).body.jobs).toHaveLength(2);
});

test("what a hook takes out whole is empty, and still there for who relies on it", async () => {
  const queue = queueOf({ worker: false });
  const jobId = await queue.enqueue("work", "secret");
  const { get } = callerOf({
    queue,
    redact: ({ jobId, task, status }) => Object.freeze({ jobId, task, status, logs: undefined }),
  });
  const { body } = await get(`/jobs/${jobId}`);
  expect(body).toMatchObject({
    jobId,
    task: "work",
    status: "pending",
    payload: null,
    logs: [],
    history: [],
    progress: null,
  });
  expect(Object.keys(body).sort()).toEqual(Object.keys((await callerOf({ queue }).get(`/jobs/${jobId}`)).body).sort());
});

test("a hook that throws shows nothing, and what it does to its copy changes nothing else", async () => {
  const queue = queueOf({ worker: false });
  const jobId = await queue.enqueue("work", { secret: 1 });
  const failing = callerOf({
    queue,
    redact: () => {
      throw new Error("secret of the hook");
    },
  });
  const answer = await failing.get(`/jobs/${jobId}`);
  expect(answer).toMatchObject({ status: 500, body: { error: { code: "internal" } } });
  expect(JSON.stringify(answer.body)).not.toContain("secret");
  const changing = callerOf({
    queue,
    redact: (job) => {
      Object.assign(job, { payload: HIDDEN });
      return job;
    },
  });
  expect((await changing.get(`/jobs/${jobId}`)).body.payload).toBe(HIDDEN);
  expect((await queue.getDetails(jobId))?.payload).toEqual({ secret: 1 });
});

test("a hook that returns no job shows nothing, and the operator learns why", async () => {
  const queue = queueOf({ worker: false });
  const jobId = await queue.enqueue("work", "secret");
  const errors: unknown[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (_: unknown, error: unknown) => errors.push(error) };
  for (const answer of [async () => ({ jobId }), () => undefined]) {
    const { get } = callerOf({ queue, logger, redact: answer as never });
    expect(await get(`/jobs/${jobId}`)).toMatchObject({ status: 500, body: { error: { code: "internal" } } });
  }
  expect(errors.map(String)).toEqual(Array(2).fill(expect.stringContaining("redact hook must return the job")));
});

test("a job that is another at each look is not explained, and says when to try again", async () => {
  const queue = queueOf({ worker: false });
  const jobId = await queue.enqueue("work", "secret");
  const details = await queue.getDetails(jobId);
  let looks = 0;
  vi.spyOn(queue, "getDetails").mockImplementation(async () => details && { ...details, attempts: looks++ });
  const { status, headers, body } = await callerOf({ queue, redact }).get(`/jobs/${jobId}/explain`);
  expect([status, headers.get("retry-after"), body.error.code]).toEqual([503, "1", "changing"]);
  expect(looks).toBe(10);
});
