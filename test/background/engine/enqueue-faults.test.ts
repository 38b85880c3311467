import { JobError, newJobId } from "rapidai/background";
import { describe, expect, onTestFinished, test } from "vitest";
import { away, heldBack, losesReply, rejects } from "./faulty-store.ts";
import { controlled, resultOf, scene, turns } from "./scene.ts";

describe("an enqueue that fails", () => {
  test.each([
    ["nothing was stored", rejects()],
    ["its reply was lost", losesReply()],
  ])("because %s says its id, and repeated with it stores the job once", async (_, fault) => {
    const { queue, clock, store } = scene();
    const { task, runs } = controlled(queue);
    store.on("enqueue", fault);
    const error = (await task.enqueue(1).catch((error) => error)) as JobError;
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ code: "queue_unavailable", task: "controlled", cause: away });
    expect(error.message).toContain("Enqueue it again with the same id");
    const id = error.jobId as string;
    store.heal();
    expect(await task.enqueue(1, { id })).toBe(id);
    expect(await task.enqueue(1, { id })).toBe(id);
    await clock.advance(0);
    expect(runs).toHaveLength(1);
    expect(await queue.listJobs()).toHaveLength(1);
  });

  test("because the store cannot be opened says its id and the store's code", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    store.on("open", rejects(new JobError("queue_unavailable", "nobody there")));
    await expect(task.enqueue(1)).rejects.toMatchObject({ code: "queue_unavailable", jobId: expect.any(String) });
    await expect(task.enqueueMany([1])).rejects.toMatchObject({ code: "queue_unavailable", jobId: expect.any(String) });
    store.heal();
    await task.enqueue(1);
  });

  test.each([
    ["the queue is closed", "queue_closed", {}],
    ["its options make no sense", "invalid_option", { delay: "5 minutes" as never }],
  ])("because %s says its id and task as well, also one that was given", async (_, code, options) => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    if (code === "queue_closed") await queue.close();
    const id = newJobId();
    const message = expect.stringMatching(/^Job [0-9a-f-]{36} of task 'controlled' could not be enqueued: /);
    await expect(task.enqueue(1, { ...options, id })).rejects.toMatchObject({
      code,
      jobId: id,
      task: "controlled",
      message,
    });
    await expect(task.enqueue(1, options)).rejects.toMatchObject({ code, jobId: expect.any(String), message });
  });

  test("page by page fails as one call, whichever pages fail, and nothing of it is left unhandled", async () => {
    const { queue, store } = scene({ worker: false, isRemote: true });
    const { task } = controlled(queue);
    await queue.ready();
    const unhandled: unknown[] = [];
    const hear = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", hear);
    onTestFinished(() => void process.off("unhandledRejection", hear));
    store.on("enqueue", rejects());
    await expect(task.enqueueMany(Array.from({ length: 5_000 }))).rejects.toMatchObject({ code: "queue_unavailable" });
    const slow = heldBack({ isBefore: true });
    let calls = 0;
    store.on("enqueue", (call, args) => (calls++ === 0 ? slow.fault(() => Promise.reject(away), args) : call()));
    const enqueued = task.enqueueMany(Array.from({ length: 5_000 }));
    await expect.poll(() => calls).toBe(2);
    slow.release();
    await expect(enqueued).rejects.toThrow(/The 0 jobs before it are stored/);
    await turns(10);
    expect(unhandled).toEqual([]);
  });

  test("whose reason ends with a command does not run into what is advised", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    store.on("open", rejects(new JobError("backend_unavailable", "it needs a package: npm install redis")));
    await expect(task.enqueue(1)).rejects.toThrow(/npm install redis\. Enqueue it again/);
  });

  test("in one batch with others fails with them, each with an id of its own, and the next batch goes through", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    await queue.ready();
    store.on("enqueue", rejects(), 1);
    const failed = await Promise.all([1, 2, 3].map((n) => task.enqueue(n).catch((error) => error.jobId)));
    expect(new Set(failed).size).toBe(3);
    const next = await task.enqueue(4);
    expect((await queue.listJobs()).map((job) => job.jobId)).toEqual([next]);
  });

  test("and was told as failed was not told as enqueued", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    const told: unknown[] = [];
    queue.on("enqueued", (event) => told.push(event));
    store.on("enqueue", rejects(), 1);
    await task.enqueue(1).catch(() => {});
    expect(told).toEqual([]);
  });

  test("of many says how many before it are stored", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    let calls = 0;
    store.on("enqueue", async (call) => {
      if (++calls === 3) throw away;
      return call();
    });
    await expect(task.enqueueMany(Array.from({ length: 2_500 }))).rejects.toThrow(/The 2000 jobs before it are stored/);
    expect((await queue.counts()).byStatus.pending).toBe(2_000);
  });

  test("does not break the reading of others", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    const jobId = await task.enqueue(1);
    const slow = heldBack({ isBefore: true });
    store.on("enqueue", slow.fault);
    const enqueued = task.enqueue(2);
    expect((await resultOf(queue, jobId)).status).toBe("pending");
    slow.release();
    await enqueued;
  });
});
