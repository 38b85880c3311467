import { JobError, newJobId } from "rapidai/background";
import { describe, expect, onTestFinished, test } from "vitest";
import { away, heldBack, losesReply, rejects } from "./faulty-store.ts";
import { controlled, resultOf, scene, turns } from "./scene.ts";

describe("an enqueue that fails", () => {
  test.each([
    ["nothing was stored", rejects()],
    ["its reply was lost", losesReply()],
  ])("because %s names the job's id, and stores the job once when repeated with that id", async (_, fault) => {
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

  test("because the store cannot be opened names the job's id and has the store's code", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    store.on("open", rejects(new JobError("queue_unavailable", "nobody there")));
    await expect(task.enqueue(1)).rejects.toMatchObject({ code: "queue_unavailable", jobId: expect.any(String) });
    await expect(task.enqueueMany([1])).rejects.toMatchObject({ code: "queue_unavailable", jobId: expect.any(String) });
    store.heal();
    await task.enqueue(1);
  });

  test("because replicas lack the job does not deny that it is stored", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    store.on("enqueue", rejects(new JobError("not_replicated", "It is stored, but no replica has it.")));
    await expect(task.enqueue(1)).rejects.toMatchObject({
      code: "not_replicated",
      message: expect.stringContaining(
        "is not stored safely yet: It is stored, but no replica has it. Enqueue it again",
      ),
    });
  });

  test.each([
    ["the queue is closed", "queue_closed", {}],
    ["its options are invalid", "invalid_option", { delay: "5 minutes" as never }],
  ])("because %s names the job's task and id too, whether the id was given or generated", async (_, code, options) => {
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

  test("page by page rejects once, whichever pages fail, and leaves no rejection unhandled", async () => {
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
    await expect(enqueued).rejects.toThrow(/It and the rest may or may not be stored/);
    await turns(10);
    expect(unhandled).toEqual([]);
  });

  test("whose reason ends with a command sets it apart from the advice that follows", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    store.on("open", rejects(new JobError("backend_unavailable", "it needs a package: npm install redis")));
    await expect(task.enqueue(1)).rejects.toThrow(/npm install redis\. Enqueue it again/);
  });

  test("in a batch with others fails with them, each with its own id, and the next batch succeeds", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    await queue.ready();
    store.on("enqueue", rejects(), 1);
    const failed = await Promise.all([1, 2, 3].map((n) => task.enqueue(n).catch((error) => error.jobId)));
    expect(new Set(failed).size).toBe(3);
    const next = await task.enqueue(4);
    expect((await queue.listJobs()).map((job) => job.jobId)).toEqual([next]);
  });

  test("emits no enqueued event", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    const told: unknown[] = [];
    queue.on("enqueued", (event) => told.push(event));
    store.on("enqueue", rejects(), 1);
    await task.enqueue(1).catch(() => {});
    expect(told).toEqual([]);
  });

  test("in the middle of many says how many jobs before it are stored", async () => {
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

  test("or is slow does not hold up reads of other jobs", async () => {
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
