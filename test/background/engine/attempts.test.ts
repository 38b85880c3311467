import { background, PermanentError, RetryAfterError } from "rapidai/background";
import { describe, expect, test } from "vitest";
import type { Backoff } from "../../../src/background/core/backoff.ts";
import { resultOf, scene } from "./scene.ts";

const SECOND = 1_000;

/** When attempts of a task that always fails with `error` began, in seconds since it was enqueued. */
async function startsOf(
  options: { maxRetries?: number; backoff?: Backoff },
  error: (attempt: number) => unknown = () => new Error("no luck"),
): Promise<{ starts: number[]; status: string; error: string | null }> {
  const { queue, clock } = scene();
  const begin = clock.now();
  const starts: number[] = [];
  const task = background({ queue, ...options }, async function fails(_: undefined, job) {
    starts.push((clock.now() - begin) / SECOND);
    throw error(job.attempt);
  });
  const jobId = await task.enqueue();
  await clock.drain();
  for (let step = 0; step < 200 && !(await resultOf(queue, jobId)).isDone; step++) await clock.advance("1s");
  const { status, error: message } = await resultOf(queue, jobId);
  return { starts, status, error: message };
}

describe("retries", () => {
  test("a job that always fails is tried again after exactly 2, 4, 8, 16 and 32 seconds", async () => {
    const { starts, status, error } = await startsOf({ maxRetries: 5 });
    expect(starts).toEqual([0, 2, 6, 14, 30, 62]);
    expect([status, error]).toEqual(["failed", "no luck"]);
  });

  test("a retry does not start a millisecond before it is due", async () => {
    const { queue, clock } = scene();
    let attempts = 0;
    const task = background({ queue }, async function early() {
      attempts++;
      throw new Error("again");
    });
    await task.enqueue();
    await clock.drain();
    await clock.advance(1_999);
    expect(attempts).toBe(1);
    await clock.advance(1);
    expect(attempts).toBe(2);
  });

  test("three retries are the default", async () => {
    expect((await startsOf({})).starts).toEqual([0, 2, 6, 14]);
  });

  test("maxRetries 0 runs the job exactly once", async () => {
    const { starts, status } = await startsOf({ maxRetries: 0 });
    expect([starts, status]).toEqual([[0], "failed"]);
  });

  test.each<[string, Backoff, number[]]>([
    ["a duration is the wait before every retry", "5s", [0, 5, 10, 15]],
    ["0 is no wait at all", 0, [0, 0, 0, 0]],
    ["base and factor", { base: "1s", factor: 3 }, [0, 1, 4, 13]],
    ["max", { base: "10s", factor: 10, max: "15s" }, [0, 10, 25, 40]],
    ["a function of the retry's number", (retry: number) => retry * 1_000, [0, 1, 3, 6]],
    ["a function that throws is replaced by the default", fails, [0, 2, 6, 14]],
    ["a function that returns no duration is replaced by the default", () => "soon" as never, [0, 2, 6, 14]],
    ["an async function that rejects is replaced by the default", (async () => fails()) as never, [0, 2, 6, 14]],
  ])("backoff: %s", async (_, backoff, expected) => {
    expect((await startsOf({ backoff })).starts).toEqual(expected);
  });

  test("a backoff function receives the error, and what it throws is reported to error listeners", async () => {
    const { queue, clock, errors } = scene();
    const mistake = new Error("bad backoff");
    const seen: unknown[] = [];
    const task = background(
      {
        queue,
        backoff: (retry, error) => {
          seen.push([retry, error]);
          throw mistake;
        },
      },
      async function backingOff() {
        throw cause;
      },
    );
    const cause = new Error("the handler's");
    await task.enqueue();
    await clock.drain();
    expect(seen).toEqual([[1, cause]]);
    expect(errors).toEqual([mistake]);
  });

  test("jitter shortens a wait by no more than its share", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, backoff: { base: "100s", jitter: 0.5 } }, async function jittery() {
      throw new Error("again");
    });
    const ids = await task.enqueueMany(Array.from({ length: 50 }, () => undefined));
    await clock.drain();
    const waits = await Promise.all(ids.map(async (id) => +(await resultOf(queue, id)).runAt - clock.now()));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(50 * SECOND);
    expect(Math.max(...waits)).toBeLessThanOrEqual(100 * SECOND);
    expect(new Set(waits).size).toBeGreaterThan(10);
  });

  test("a job that succeeds after failures is completed: its error is null, and its errors are kept", async () => {
    const { queue, clock } = scene();
    const task = background({ queue }, async function thirdTime(_: undefined, job) {
      if (job.attempt < 3) throw new TypeError(`attempt ${job.attempt}`);
      return "done";
    });
    const jobId = await task.enqueue();
    await clock.advance("6s");
    const job = await resultOf(queue, jobId);
    expect(job).toMatchObject({ status: "completed", result: "done", error: null, attempts: 3, duration: 6 });
    expect(job.errors.map(({ attempt, name, message }) => [attempt, name, message])).toEqual([
      [1, "TypeError", "attempt 1"],
      [2, "TypeError", "attempt 2"],
    ]);
    expect(+(job.attemptedAt as Date) - +(job.startedAt as Date)).toBe(6 * SECOND);
  });

  test("a job that waits for a retry is pending, with its last error and with the retry's time as runAt", async () => {
    const { queue, clock } = scene();
    const task = background({ queue }, async function waits() {
      throw new Error("not yet");
    });
    const jobId = await task.enqueue();
    await clock.drain();
    const job = await resultOf(queue, jobId);
    expect(job).toMatchObject({ status: "pending", error: "not yet", attempts: 1, isDone: false, completedAt: null });
    expect(+job.runAt).toBe(clock.now() + 2 * SECOND);
  });
});

describe("how an attempt ends", () => {
  test("PermanentError fails the job at once", async () => {
    expect(await startsOf({}, () => new PermanentError("gone"))).toEqual({
      starts: [0],
      status: "failed",
      error: "gone",
    });
  });

  test("PermanentError is recognized anywhere in the chain of causes", async () => {
    const error = new Error("outer", { cause: new Error("middle", { cause: new PermanentError("inner") }) });
    expect(await startsOf({}, () => error)).toEqual({ starts: [0], status: "failed", error: "outer" });
  });

  test("RetryAfterError replaces the backoff's wait before that retry, and uses up a retry", async () => {
    const error = (attempt: number) => (attempt === 1 ? new RetryAfterError("90s") : new Error("plain"));
    const { starts, status } = await startsOf({ maxRetries: 2 }, error);
    expect([starts, status]).toEqual([[0, 90, 94], "failed"]);
  });

  test("RetryAfterError is recognized anywhere in the chain of causes", async () => {
    const error = () => new Error("rate limited", { cause: new RetryAfterError("7s") });
    expect((await startsOf({ maxRetries: 1 }, error)).starts).toEqual([0, 7]);
  });

  test.each<[string, unknown, string]>([
    ["a string", "just words", "just words"],
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["a number", 42, "42"],
    ["an object with a message", { message: "like an error" }, "like an error"],
    ["an object that cannot be described", hostile(), "the handler threw an object that cannot be described"],
  ])("%s can be thrown", async (_, thrown, message) => {
    expect(await startsOf({ maxRetries: 1 }, () => thrown)).toEqual({
      starts: [0, 2],
      status: "failed",
      error: message,
    });
  });

  test("a circular chain of causes does no harm", async () => {
    const error = new Error("round");
    error.cause = new Error("and round", { cause: error });
    expect((await startsOf({ maxRetries: 0 }, () => error)).error).toBe("round");
  });

  test("messages and stacks of errors are truncated, and only the last 20 errors are kept", async () => {
    const { queue, clock } = scene();
    const task = background({ queue, maxRetries: 29, backoff: 0 }, async function wordy() {
      throw new Error("x".repeat(100_000));
    });
    const jobId = await task.enqueue();
    await clock.advance(1);
    const { errors, attempts } = await resultOf(queue, jobId);
    expect([attempts, errors.length, errors[0]?.attempt]).toEqual([30, 20, 11]);
    for (const { message, stack } of errors) {
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(16_384);
      expect(Buffer.byteLength(stack as string)).toBeLessThanOrEqual(16_384);
    }
  });
});

function fails(): never {
  throw new Error("bad backoff");
}

function hostile(): unknown {
  return {
    get message(): string {
      throw new Error("no message for you");
    },
  };
}
