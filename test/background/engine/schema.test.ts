import { background, currentJob } from "rapidai/background";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { resultOf, scene, turns, twoWorkers } from "./scene.ts";

/** A schema that looks something up: at once, or, while it is slow, when the test says so. */
class SlowLookup {
  readonly ended = Promise.withResolvers<boolean>();
  isSlow = false;
  readonly schema = v.pipeAsync(
    v.string(),
    v.checkAsync(() => (this.isSlow ? this.ended.promise : true)),
  );
}

describe("a task with a schema", () => {
  const schema = z.object({ at: z.string().transform((text) => new Date(text)), n: z.number().default(5) });

  test("stores the schema's input, and gives its handler the schema's output, made anew for each attempt", async () => {
    const { queue, clock } = scene();
    const seen: unknown[] = [];
    const task = background({ queue, schema }, async function parsed(payload, job) {
      seen.push(payload);
      if (job.attempt === 1) throw new Error("again");
      return payload.at.getTime();
    });
    const jobId = await task.enqueue({ at: "2026-01-01T00:00:00.000Z" });
    await clock.advance("2s");
    expect((await queue.getDetails(jobId))?.payload).toEqual({ at: "2026-01-01T00:00:00.000Z" });
    expect(seen).toEqual([
      { at: new Date("2026-01-01"), n: 5 },
      { at: new Date("2026-01-01"), n: 5 },
    ]);
    expect(seen[0]).not.toBe(seen[1]);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: Date.parse("2026-01-01") });
  });

  test("refuses a payload that does not fit when it is enqueued, says where, and stores nothing", async () => {
    const { queue } = scene({ worker: false });
    const task = background(
      { queue, schema: v.object({ user: v.object({ age: v.number() }) }) },
      async function checks() {},
    );
    for (const enqueue of [
      () => task.enqueue({ user: { age: "old" } } as never),
      () => task.enqueueMany([{ user: { age: 1 } }, { user: { age: "old" } } as never]),
      () => queue.enqueue(task, { user: { age: "old" as never } }),
      () => queue.enqueue("checks", { user: { age: "old" } }),
    ]) {
      const error = await enqueue().catch((error) => error);
      expect(error).toMatchObject({ code: "invalid_payload", task: "checks", isInputError: true });
      expect(error.message).toContain("user.age");
    }
    await expect(task.enqueueMany([{ user: { age: 1 } }, { user: { age: "old" } } as never])).rejects.toThrow(
      /^payloads\[1\]: The payload of a job of task 'checks'/,
    );
    expect(await queue.listJobs()).toEqual([]);
  });

  test.each([
    [5, ["#1", "#2", "#3", "#4", "#5"]],
    [6, ["#1", "#2", "#3", "#4", "#5", "and 1 more"]],
  ])("names the first five of what does not fit, here of %d", async (count, named) => {
    const { queue } = scene({ worker: false });
    const schema = z.unknown().check(({ issues, value: input }) => {
      for (let n = 1; n <= count; n++) issues.push({ code: "custom", message: `#${n}`, input });
    });
    const task = background({ queue, schema }, async function refused() {});
    const { message } = await task.enqueue(1).catch((error) => error);
    expect(message).toMatch(new RegExp(`schema: ${named.join("; ")}\\.$`));
  });

  test("checks the payloads that enqueueMany stores, even if the caller changes them or the array meanwhile", async () => {
    const { queue } = scene({ worker: false });
    const task = background({ queue, schema: z.object({ n: z.number() }) }, async function batched() {});
    const batch = [{ n: 1 }, { n: 2 }, { n: 3 }];
    const reused = batch[1] as { n: unknown };
    const enqueued = task.enqueueMany(batch);
    reused.n = "reused";
    batch.length = 0;
    const payloads = (await enqueued).map(async (id) => (await queue.getDetails(id))?.payload);
    expect(await Promise.all(payloads)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test("fails a job for good when its stored payload no longer fits", async () => {
    const { queue, clock } = scene();
    const jobId = await queue.enqueue("later", { old: true });
    const handler = () => {
      throw new Error("must not be called");
    };
    background({ queue, name: "later", schema: z.object({ fresh: z.string() }) }, handler);
    await clock.advance("1h");
    const job = await resultOf(queue, jobId);
    expect(job).toMatchObject({ status: "failed", attempts: 1 });
    expect(job.error).toMatch(/does not fit its schema: fresh/);
  });

  test.each([
    ["was cancelled", { status: "cancelled", attempts: 1 }],
    ["ran out of time", { status: "failed", attempts: 1 }],
    ["goes back, since the worker stops", { status: "pending", attempts: 0 }],
  ])("does not call its handler when the schema is slow and the job meanwhile %s", async (how, expected) => {
    const { a, b } = twoWorkers();
    const { queue, clock } = a;
    const lookup = new SlowLookup();
    const called: string[] = [];
    const settings = { queue, schema: lookup.schema, timeout: "1m", maxRetries: 0 } as const;
    const task = background(settings, async function slowlyChecked(payload) {
      called.push(payload);
    });
    const jobId = await task.enqueue("x");
    lookup.isSlow = true;
    await clock.advance(0);
    if (how === "was cancelled") expect(await task.cancel(jobId)).toBe(true);
    else if (how === "ran out of time") await clock.advance("1m");
    else await queue.close({ grace: 0 });
    expect(await resultOf(b.queue, jobId)).toMatchObject(expected);
    lookup.ended.resolve(true);
    await turns();
    expect(called).toEqual([]);
    expect(await resultOf(b.queue, jobId)).toMatchObject(expected);
  });

  test("that is slow lets an enqueue in progress end before its queue closes", async () => {
    const { a, b } = twoWorkers({ worker: false });
    const lookup = new SlowLookup();
    lookup.isSlow = true;
    const task = background({ queue: a.queue, schema: lookup.schema }, async function slowlyChecked() {});
    await a.queue.ready();
    const enqueued = Promise.all([task.enqueue("one"), task.enqueueMany(["two", "three"])]);
    const closing = a.queue.close();
    await turns();
    lookup.ended.resolve(true);
    const ids = (await enqueued).flat();
    await closing;
    for (const id of ids) expect((await resultOf(b.queue, id)).status).toBe("pending");
  });

  test("that is slow frees the slot of a cancelled job as soon as it has answered", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const lookup = new SlowLookup();
    const called: string[] = [];
    const task = background({ queue, schema: lookup.schema }, async function slowlyChecked(payload) {
      called.push(payload);
    });
    const first = await task.enqueue("first");
    lookup.isSlow = true;
    await clock.advance(0);
    expect(await task.cancel(first)).toBe(true);
    lookup.isSlow = false;
    await task.enqueue("second");
    await turns();
    expect(called).toEqual([]);
    lookup.ended.resolve(true);
    await clock.drain();
    expect(called).toEqual(["second"]);
  });

  test("is checked within the enqueueing job first, and within the job itself before its attempt", async () => {
    const { queue, clock } = scene();
    const seen: (string | undefined)[] = [];
    const looking = v.pipeAsync(
      v.string(),
      v.checkAsync(async () => {
        seen.push(currentJob()?.id);
        return true;
      }),
    );
    const child = background({ queue, schema: looking }, async function child() {});
    const parent = background({ queue }, async function parent() {
      return child.enqueue("x");
    });
    const parentId = await parent.enqueue();
    await clock.advance(0);
    const { result: childId } = await resultOf(queue, parentId);
    expect(seen).toEqual([parentId, childId]);
  });

  test("is retried when the schema itself throws, for example because its database is away", async () => {
    const { queue, clock } = scene();
    let isAway = false;
    const isKnown = v.checkAsync<string, string>(async () => {
      if (isAway) throw new Error("database away");
      return true;
    }, "unknown");
    const flaky = v.pipeAsync(v.string(), isKnown);
    const task = background({ queue, schema: flaky }, async function asks(payload) {
      return payload;
    });
    const jobId = await task.enqueue("x", { delay: "1s" });
    isAway = true;
    await clock.advance("1s");
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "pending", error: "database away" });
    isAway = false;
    await clock.advance("2s");
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "x", attempts: 2 });
  });

  test("checks a direct call too", async () => {
    const { queue } = scene();
    const task = background({ queue, schema }, async function here(payload) {
      return payload.n;
    });
    expect(await task({ at: "2026-01-01" })).toBe(5);
    await expect(task({ at: 1 } as never)).rejects.toMatchObject({ code: "invalid_payload" });
  });
});
