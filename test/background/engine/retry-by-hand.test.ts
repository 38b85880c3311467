import { newJobId } from "rapidai/background";
import { describe, expect, test } from "vitest";
import { controlled, nth, resultOf, runningJob, scene } from "./scene.ts";

describe("retry by hand", () => {
  test("makes a failed job pending: attempts and errors go on, the budget starts anew", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { maxRetries: 1 });
    const jobId = await task.enqueue(0);
    const failNext = async () => {
      nth(runs, -1).fail(new Error(`run ${runs.length}`));
      await clock.drain();
    };
    await clock.advance(0);
    await failNext();
    await clock.advance("2s");
    await failNext();
    const failed = await resultOf(queue, jobId);
    expect(failed).toMatchObject({ status: "failed", attempts: 2 });
    await clock.advance("1m");
    expect(await queue.retry(jobId)).toBe(true);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "pending", completedAt: null, duration: null });
    await clock.advance(0);
    expect(nth(runs, 2).job.attempt).toBe(3);
    await failNext();
    await clock.advance(1_999);
    expect(runs).toHaveLength(3);
    await clock.advance(1);
    expect(runs).toHaveLength(4);
    await failNext();
    const again = await resultOf(queue, jobId);
    expect(again).toMatchObject({ status: "failed", attempts: 4, error: "run 4", maxRetries: 1 });
    expect(again.errors.map((error) => error.attempt)).toEqual([1, 2, 3, 4]);
    expect(again.startedAt).toEqual(failed.startedAt);
  });

  test("makes a cancelled job pending: it forgets who cancelled it, and may complete", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    await task.cancel(jobId, { by: "ada" });
    expect(await queue.retry(jobId)).toBe(true);
    expect((await queue.getDetails(jobId))?.cancelledBy).toBe(null);
    await clock.advance(0);
    nth(runs, 0).complete("after all");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "after all" });
  });

  test("runs a cancelled job again even while its old handler goes on, whose result is dropped", async () => {
    const { queue, clock, task, runs, jobId } = await runningJob();
    await task.cancel(jobId);
    await queue.retry(jobId);
    await clock.advance(0);
    expect(runs).toHaveLength(2);
    nth(runs, 0).complete("old");
    await clock.advance(0);
    expect((await resultOf(queue, jobId)).status).toBe("running");
    expect(nth(runs, 1).job.signal.aborted).toBe(false);
    nth(runs, 1).complete("new");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "new", attempts: 2 });
  });

  test("leaves the job free to be cancelled again", async () => {
    const { queue, clock, task, runs, jobId } = await runningJob();
    await task.cancel(jobId);
    await queue.retry(jobId);
    await clock.advance(0);
    expect(await task.cancel(jobId)).toBe(true);
    expect(nth(runs, 1).job.signal.reason).toMatchObject({ code: "job_cancelled" });
  });

  test("called many times at once returns true exactly once", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0);
    await task.cancel(jobId);
    const answers = await Promise.all(Array.from({ length: 5 }, () => queue.retry(jobId)));
    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  test("returns false for a pending, running or completed job, an unknown or malformed id, and another task's job", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const waiting = await task.enqueue(0, { delay: "1h" });
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    expect([await queue.retry(waiting), await queue.retry(jobId)]).toEqual([false, false]);
    nth(runs, 0).complete();
    await clock.drain();
    for (const id of [jobId, newJobId(), "nonsense", 7 as never]) expect(await queue.retry(id)).toBe(false);
    await task.cancel(waiting);
    expect(await queue.retry(waiting, { task: "other" })).toBe(false);
    expect(await queue.retry(waiting, { task: "controlled" })).toBe(true);
  });
});
