import {
  background,
  type CauseCode,
  type Explanation,
  type JobQueue,
  newJobId,
  PermanentError,
} from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, test } from "vitest";
import {
  laneOf,
  type NewJob,
  RECORD_VERSION,
  type Store,
  type WorkerPresence,
} from "../../src/background/core/store.ts";
import { onEveryQueue } from "../backends.ts";

const LEASE_MS = 30_000;

async function why(queue: JobQueue, jobId: string): Promise<Explanation> {
  const explanation = await queue.explain(jobId);
  expect(explanation).not.toBeNull();
  return explanation as Explanation;
}

function codes({ causes }: Explanation): CauseCode[] {
  return causes.map(({ code }) => code);
}

/** A handler that goes on until its job is aborted. */
const endless = (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

function newJob(fields: Partial<NewJob> = {}): NewJob {
  const { v = RECORD_VERSION, task = "work" } = fields;
  return {
    v,
    id: newJobId(),
    task,
    lane: laneOf(task, v),
    payload: "{}",
    maxRetries: 3,
    delayMs: 0,
    runAt: null,
    trace: null,
    ...fields,
  };
}

function announce(store: Store, worker: Partial<WorkerPresence> = {}): Promise<unknown> {
  const presence = { id: "w1", tasks: ["work"], slots: 2, concurrency: {}, version: "1", ...worker };
  return store.heartbeat({ worker: presence, presenceMs: 10 * LEASE_MS, leaseMs: LEASE_MS, beats: [] });
}

/** The worker `w1` claims a job, or a lost one; returns the token. */
async function claim(store: Store, fields: { readonly limit?: number; readonly task?: string } = {}): Promise<string> {
  const token = newJobId();
  const { limit = 1, task = "work" } = fields;
  const lanes = [{ lane: task, limit }];
  await store.claim({ worker: "w1", token, lanes, limit, lostLimit: 1, leaseMs: LEASE_MS, maxVersion: 1 });
  return token;
}

onEveryQueue((open) => {
  const scene = () => {
    const clock = new ManualClock();
    const backend = open(clock);
    return { clock, backend, producer: backend.queue({ worker: false }) };
  };

  describe("a pending job", () => {
    test("of a queue without workers waits for one", async () => {
      const { producer } = scene();
      const jobId = await producer.enqueue("work", {});
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["no_worker"]);
      expect(explanation).toMatchObject({ jobId, task: "work", status: "pending" });
      expect(explanation.summary).toBe(`Job ${jobId} of task 'work' is pending: no worker of this queue is alive.`);
    });

    test("of a task that no live worker has waits for one that does, and the explanation names the tasks there are", async () => {
      const { producer, backend, clock } = scene();
      background({ queue: backend.queue(), name: "other" }, () => {});
      await clock.drain();
      const jobId = await producer.enqueue("work", {});
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["no_worker_for_task"]);
      expect(explanation.causes[0]?.message).toContain("'other'");
    });

    test("no longer waits for a worker once one has its task, which others see at once", async () => {
      const { producer, backend, clock } = scene();
      const queue = backend.queue();
      background({ queue, name: "other" }, () => {});
      await clock.drain();
      background({ queue, name: "work" }, endless);
      await clock.drain();
      await expect
        .poll(async () => codes(await why(producer, await producer.enqueue("work", {}, { delay: "1h" }))))
        .toEqual(["delayed"]);
    });

    test("waits while all slots of its task's workers are busy, and the explanation says with what", async () => {
      const { producer, backend } = scene();
      const queue = backend.queue({ concurrency: 2 });
      const other = background({ queue, name: "other" }, endless);
      background({ queue, name: "work" }, endless);
      await other.enqueueMany([1, 2]);
      await expect.poll(async () => (await producer.counts()).byStatus.running).toBe(2);
      const explanation = await why(producer, await producer.enqueue("work", {}));
      expect(codes(explanation)).toEqual(["slots_busy"]);
      expect(explanation.causes[0]?.message).toBe(
        "All 2 slots of the 1 worker that has the task 'work' are busy. They run 2 of 'other'.",
      );
    });

    test("waits while its task runs as many jobs as its concurrency allows", async () => {
      const { producer, backend } = scene();
      const work = background({ queue: backend.queue({ concurrency: 5 }), name: "work", concurrency: 1 }, endless);
      await work.enqueue({});
      await expect.poll(async () => (await producer.counts()).byStatus.running).toBe(1);
      const explanation = await why(producer, await producer.enqueue("work", {}));
      expect(codes(explanation)).toEqual(["task_concurrency_full"]);
      expect(explanation.causes[0]?.message).toContain("1 on 1 worker");
    });

    test("waits behind jobs that were enqueued before it, and the explanation says how many", async () => {
      const { producer, backend } = scene();
      const store = await backend.store();
      await announce(store);
      await store.enqueue([newJob(), newJob()]);
      await claim(store, { limit: 2 });
      await store.enqueue([newJob(), newJob({ delayMs: 1 }), newJob({ task: "other" })]);
      const explanation = await why(producer, await producer.enqueue("work", {}));
      expect(codes(explanation)).toEqual(["slots_busy", "behind_others"]);
      expect(explanation.causes[1]?.message).toBe("1 job of the task 'work' is ahead of it in the queue.");
    });

    test("that is delayed waits until then, and a missing worker is a cause as well", async () => {
      const { producer, backend, clock } = scene();
      const jobId = await producer.enqueue("work", {}, { delay: "90s" });
      expect(codes(await why(producer, jobId))).toEqual(["delayed", "no_worker"]);
      await announce(await backend.store());
      await clock.advance("30s");
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["delayed"]);
      expect(explanation.causes[0]?.message).toContain("1 min from now, at 2026-01-01T00:01:30.000Z");
    });

    test("that failed waits for its retry, and the explanation has the error", async () => {
      const { producer, backend, clock } = scene();
      const work = background({ queue: backend.queue(), name: "work" }, (_: unknown) => {
        throw new TypeError("no such file");
      });
      const jobId = await work.enqueue({});
      await clock.drain();
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["waiting_for_retry"]);
      expect(explanation.causes[0]).toMatchObject({
        message:
          "Attempt 1 failed 0 ms ago, and the next of 3 remaining attempts starts 2 s from now, at 2026-01-01T00:00:02.000Z.",
        detail: "TypeError: no such file",
      });
    });

    test("of a newer record version waits for workers of that release", async () => {
      const { producer, backend } = scene();
      const store = await backend.store();
      await announce(store, { version: "9.9.9" });
      const job = newJob({ v: RECORD_VERSION + 1 });
      await store.enqueue([job]);
      const explanation = await why(producer, job.id);
      expect(codes(explanation)).toEqual(["newer_record_version"]);
      expect(explanation.causes[0]?.message).toContain("'9.9.9'");
    });

    test("that a worker could claim is due now, and later reported as not claimed", async () => {
      const { producer, backend, clock } = scene();
      await announce(await backend.store());
      const jobId = await producer.enqueue("work", {});
      expect(codes(await why(producer, jobId))).toEqual(["due_now"]);
      await clock.advance("5s");
      expect(codes(await why(producer, jobId))).toEqual(["not_claimed"]);
    });
  });

  describe("a running job", () => {
    test("is explained with its worker and its progress", async () => {
      const { producer, backend, clock } = scene();
      const work = background({ queue: backend.queue(), name: "work" }, (payload: unknown, job) => {
        job.progress({ done: 1, total: 4, message: "page 1" });
        return endless(payload, job);
      });
      const jobId = await work.enqueue({});
      await expect.poll(async () => (await producer.getResult(jobId))?.progress?.fraction).toBe(0.25);
      await clock.advance("3s");
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["running"]);
      expect(explanation.causes[0]?.message).toMatch(
        /^Attempt 1 started 3 s ago on worker \S+, which is alive\. It is 25 % done\. Its last message: page 1$/,
      );
    });

    test("of a worker that is gone waits for its lease to expire, and for a worker if none is left", async () => {
      const { producer, backend, clock } = scene();
      const store = await backend.store();
      const job = newJob();
      await store.enqueue([job]);
      await claim(store);
      expect(codes(await why(producer, job.id))).toEqual(["lease_overdue", "no_worker"]);
      await announce(store, { id: "w2", tasks: [] });
      await clock.advance(LEASE_MS);
      const overdue = await why(producer, job.id);
      expect(codes(overdue)).toEqual(["lease_overdue"]);
      expect(overdue?.causes[0]?.remedy).toContain("only kill -9 ends it");
    });
  });

  describe("a job that is done", () => {
    test("is explained as completed", async () => {
      const { producer, backend, clock } = scene();
      const work = background({ queue: backend.queue(), name: "work" }, (_: unknown) => "done");
      const jobId = await work.enqueue({});
      await clock.drain();
      await clock.advance("2m");
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["completed"]);
      expect(explanation.causes[0]?.message).toBe("It completed 2 min ago, in attempt 1.");
    });

    test("is explained as cancelled, and by whom", async () => {
      const { producer } = scene();
      const jobId = await producer.enqueue("work", {});
      await producer.cancel(jobId, { by: "Ada" });
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["cancelled"]);
      expect(explanation.causes[0]?.message).toBe("It was cancelled by Ada 0 ms ago.");
    });

    test("is explained as failed because its retries are used up", async () => {
      const { producer, backend, clock } = scene();
      const work = background({ queue: backend.queue(), name: "work", maxRetries: 1 }, (_: unknown) => {
        throw new Error("busy");
      });
      const jobId = await work.enqueue({});
      await clock.drain();
      await clock.advance("2s");
      await clock.drain();
      const explanation = await why(producer, jobId);
      expect(codes(explanation)).toEqual(["failed_retries_used_up"]);
      expect(explanation.causes[0]?.detail).toBe("Error: busy");
    });

    test("is explained as failed permanently, even in its last attempt", async () => {
      const { producer, backend, clock } = scene();
      for (const maxRetries of [0, 3]) {
        const work = background({ queue: backend.queue(), name: `work-${maxRetries}`, maxRetries }, (_: unknown) => {
          throw new PermanentError("no such user");
        });
        const jobId = await work.enqueue({});
        await clock.drain();
        expect(codes(await why(producer, jobId))).toEqual(["failed_permanently"]);
      }
    });

    test("is explained as failed because three of its workers were lost", async () => {
      const { producer, backend, clock } = scene();
      const store = await backend.store();
      const job = newJob();
      await store.enqueue([job]);
      const failure = { name: "JobError", message: "The worker w1 was lost.", stack: null };
      for (const to of ["pending", "pending", "failed"] as const) {
        await claim(store);
        await clock.advance(LEASE_MS);
        const token = await claim(store, { limit: 0 });
        const more = { result: null, delayMs: 0, isUncounted: false, isLoss: true, failure, patch: null };
        expect(await store.settle([{ id: job.id, token, to, ...more }])).toEqual(["settled"]);
      }
      const explanation = await why(producer, job.id);
      expect(codes(explanation)).toEqual(["failed_poison"]);
      expect(explanation.causes[0]?.detail).toBe("JobError: The worker w1 was lost.");
    });
  });

  test("a backend that does not answer is the first cause, reported within a bounded time", async () => {
    const { producer, backend } = scene();
    const jobId = await producer.enqueue("work", {});
    await producer.explain(jobId);
    const heal = backend.silence();
    const startedAt = performance.now();
    const explanation = await why(producer, jobId).finally(heal);
    // Two seconds, and what a busy machine adds.
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(codes(explanation)[0]).toBe("backend_unhealthy");
    expect(explanation.jobId).toBe(jobId);
  });

  test("an id that is unknown or malformed has no explanation", async () => {
    const { producer } = scene();
    expect(await producer.explain(newJobId())).toBeNull();
    expect(await producer.explain("job-1")).toBeNull();
  });

  test("tasks may have the names of properties that every object has", async () => {
    const { producer, backend } = scene();
    const store = await backend.store();
    await announce(store, { tasks: ["constructor", "__proto__"], slots: 1 });
    for (const task of ["constructor", "__proto__"]) {
      expect(codes(await why(producer, await producer.enqueue(task, {})))).toEqual(["due_now"]);
    }
  });
});
