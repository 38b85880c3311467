import { background, type JobFilter, newJobId, RetryAfterError } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, test, vi } from "vitest";
import { idOf, newJob, TASK } from "../../src/testing/conformance/scene.ts";
import { onEveryQueue } from "../backends.ts";

onEveryQueue((open) => {
  test("a job's error has a code that says what went wrong", async () => {
    const queue = open().queue();
    const slow = background({ queue, name: "slow", maxRetries: 0, timeout: 20 }, () => new Promise(() => {}));
    const odd = background({ queue, name: "odd", maxRetries: 0 }, async () => () => {});
    const plain = background({ queue, name: "plain", maxRetries: 0 }, async () => {
      throw new Error("no code");
    });
    const codes = await Promise.all(
      [slow, odd, plain].map(async (task) => {
        const job = await task.wait(await task.enqueue());
        const details = await queue.getDetails(job.jobId);
        const [{ attempt: _, at: __, ...error } = { attempt: 0, at: 0 }] = details?.errors ?? [];
        expect(details?.history[0]?.error).toEqual(error);
        return JSON.parse(JSON.stringify(job)).errors[0].code;
      }),
    );
    expect(codes).toEqual(["attempt_timeout", "not_serializable", undefined]);
  });

  test("a wait for a job that is done resolves even with a timeout of 0", async () => {
    const queue = open().queue();
    const task = background({ queue, name: "task" }, async () => 1);
    const jobId = await task.enqueue();
    await task.wait(jobId);
    for (let n = 0; n < 20; n++) expect(await task.wait(jobId, { timeout: 0 })).toMatchObject({ status: "completed" });
    const later = await task.enqueue(undefined, { delay: "1h" });
    await expect(task.wait(later, { timeout: 0 })).rejects.toMatchObject({ code: "wait_timeout", jobId: later });
  });

  test("a payload that cannot be read fails its job for good, without a call of its handler", async () => {
    const backend = open();
    await (await backend.store()).enqueue([newJob(1, { payload: "~?:of a newer release" })]);
    const queue = backend.queue();
    const handler = vi.fn(async () => {});
    const job = await background({ queue, name: TASK }, handler).wait(idOf(1));
    expect(job).toMatchObject({ status: "failed", attempts: 1, errors: [{ code: "unreadable_value" }] });
    expect(handler).not.toHaveBeenCalled();
    expect((await queue.getDetails(job.jobId))?.payload).toBeNull();
  });

  test("listJobs() returns the newest jobs first, a hundred by default, and goes on from the last id", async () => {
    const queue = open().queue({ worker: false });
    const ids = (await queue.enqueueMany("mail", Array.from({ length: 101 }))).toReversed();
    const other = await queue.enqueue("other", null);
    expect(await queue.cancel(ids[3] as string)).toBe(true);
    const listed = async (filter?: JobFilter) => (await queue.listJobs(filter)).map(({ jobId }) => jobId);
    expect(await listed()).toEqual([other, ...ids.slice(0, 99)]);
    expect(await listed({ task: "mail" })).toEqual(ids.slice(0, 100));
    expect(await listed({ task: "mail", before: ids[99] })).toEqual(ids.slice(100));
    expect(await listed({ limit: 1_000 })).toEqual([other, ...ids]);
    expect(await listed({ status: "cancelled" })).toEqual([ids[3]]);
    expect(await listed({ status: "pending", task: "mail", limit: 2, before: ids[2] })).toEqual([ids[4], ids[5]]);
    expect(await listed({ status: "cancelled", task: "other" })).toEqual([]);
  });

  test("oldestDue() tells of each task the job that has been due longest, and nothing of those that are not due", async () => {
    const clock = new ManualClock();
    const queue = open(clock).queue({ worker: false });
    expect(await queue.oldestDue()).toEqual([]);
    const mail = await queue.enqueue("mail", null, { delay: "1m" });
    await queue.enqueue("remind", null, { delay: "1d" });
    await clock.advance("2m");
    const resize = await queue.enqueue("resize");
    await clock.advance("3s");
    await queue.enqueue("mail");
    expect(await queue.oldestDue()).toEqual([
      { task: "mail", jobId: mail, waitMs: 63_000 },
      { task: "resize", jobId: resize, waitMs: 3_000 },
    ]);
    expect(await queue.oldestDue({ tasks: ["resize", "remind", "unknown"] })).toMatchObject([{ jobId: resize }]);
    expect(await queue.oldestDue({ tasks: [] })).toEqual([]);
  });

  test("oldestDue() finds what a newer release has stored, which no worker runs once that is rolled back", async () => {
    const clock = new ManualClock();
    const backend = open(clock);
    await (await backend.store()).enqueue([newJob(1, { v: 2 })]);
    const queue = backend.queue({ worker: false });
    await clock.advance("1m");
    await queue.enqueue(TASK);
    expect(await queue.oldestDue()).toEqual([{ task: TASK, jobId: idOf(1), waitMs: 60_000 }]);
    await queue.cancel(idOf(1));
    expect(await queue.oldestDue()).toMatchObject([{ task: TASK, waitMs: 0 }]);
  });

  test("oldestDue() finds a task that is behind among thousands", async () => {
    const clock = new ManualClock();
    const queue = open(clock).queue({ worker: false });
    const late = await queue.enqueue("task-2000");
    await clock.advance("1m");
    await Promise.all(Array.from({ length: 2_500 }, (_, n) => queue.enqueue(`task-${n}`)));
    const found = await queue.oldestDue();
    expect(found).toHaveLength(2_500);
    expect(found[0]).toEqual({ task: "task-2000", jobId: late, waitMs: 60_000 });
    expect(found[1]).toMatchObject({ waitMs: 0 });
  });

  test("unknown options, and null in place of options, are refused by every method", async () => {
    const queue = open().queue({ worker: false });
    const id = newJobId();
    const calls: readonly (() => Promise<unknown>)[] = [
      () => queue.retry(id, { tsk: "t" } as never),
      () => queue.ready({ time: 1 } as never),
      () => queue.stop({ grce: 0 } as never),
      () => queue.close({ grce: 0 } as never),
      () => queue.cancel(id, { byy: "me" } as never),
      () => queue.wait(id, { time: 1 } as never),
      () => queue.prune({ ag: 1 } as never),
      () => queue.oldestDue({ task: ["t"] } as never),
      () => queue.oldestDue({ tasks: "t" } as never),
      () => queue.oldestDue({ tasks: [1] } as never),
      () => queue.listJobs({ state: "failed" } as never),
      () => queue.retry(id, null as never),
      () => queue.ready(null as never),
      () => queue.stop(null as never),
      () => queue.listJobs(null as never),
    ];
    for (const call of calls) {
      await expect(call(), String(call)).rejects.toMatchObject({
        name: "JobError",
        code: expect.stringMatching(/^invalid_(option|filter)$/),
      });
    }
  });

  test("durations with fractions of a millisecond are accepted wherever a duration is", async () => {
    const queue = open().queue({ lease: 2_345.678, grace: 12.3, retention: { age: 1e9 / 7 } });
    const backoff = { base: 1.5, factor: 1.1, jitter: 0.5 };
    let runs = 0;
    const task = background({ queue, name: "task", timeout: 60_000.7, backoff }, async () => {
      runs++;
      if (runs === 1) throw new RetryAfterError(3.7);
      if (runs === 2) throw new Error("not yet");
      return 1 / 3;
    });
    const jobId = await task.enqueue(undefined, { delay: 7 * 0.37 });
    expect(await task.wait(jobId, { timeout: 20_000.5 })).toMatchObject({ status: "completed", result: 1 / 3 });
    const [other] = await task.enqueueMany([undefined], { delay: 0.2 });
    await task.wait(other as string);
    expect(await queue.prune({ age: 86_400_000.5 })).toBe(0);
  });
});
