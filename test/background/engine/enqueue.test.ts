import { background, InMemoryQueue, newJobId } from "rapidai/background";
import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/background/engine/system-clock.ts";
import { heldBack, losesReply } from "./faulty-store.ts";
import { controlled, resultOf, scene, turns } from "./scene.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("enqueueMany", () => {
  test("stores 5,000 jobs and returns their ids in order", async () => {
    const { queue, clock } = scene({ concurrency: 100 });
    const task = background({ queue }, async function many(n: number) {
      return n;
    });
    const ids = await task.enqueueMany(numbers(5_000));
    expect(ids).toHaveLength(5_000);
    expect([...ids].sort()).toEqual(ids);
    await clock.drain();
    for (const n of [0, 1, 999, 1_000, 2_500, 4_999])
      expect(await resultOf(queue, ids[n] as string)).toMatchObject({ status: "completed", result: n });
    expect((await queue.counts()).byStatus.completed).toBe(5_000);
  });

  test("with given ids can be repeated, and stores each job once", async () => {
    const { queue, store } = scene({ worker: false });
    const { task } = controlled(queue);
    await queue.ready();
    const payloads = numbers(2_500);
    const ids = payloads.map(() => newJobId());
    let calls = 0;
    store.on("enqueue", (call) => (++calls === 2 ? losesReply()(call, []) : call()));
    await expect(task.enqueueMany(payloads, { ids })).rejects.toThrow(
      /The 1000 jobs before it.*repeat the call with the same ids/,
    );
    store.heal();
    expect(await task.enqueueMany(payloads, { ids })).toEqual(ids);
    expect((await queue.counts()).byStatus.pending).toBe(2_500);
    expect((await queue.getDetails(ids[2_400] as string))?.payload).toBe(payloads[2_400]);
  });

  test("refuses too few or too many ids, malformed ones, and the same one twice", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const id = newJobId();
    for (const [ids, what] of [
      [[], "0 ids for 2 jobs"],
      [[id], "1 ids for 2 jobs"],
      [[id, newJobId(), newJobId()], "3 ids for 2 jobs"],
      [[id, id], "the same id twice"],
      [[id, "other"], '"other" as ids[1]'],
      [new Array(2), "undefined as ids[0]"],
      ["ab", "ids that are not an array"],
      [null, "ids that are not an array"],
    ] as const) {
      const message = expect.stringContaining(`was given ${what}: `);
      const enqueued = task.enqueueMany([1, 2], { ids: ids as string[] });
      await expect(enqueued).rejects.toMatchObject({ code: "invalid_id", message });
    }
    for (const options of [null, 5] as never[])
      await expect(task.enqueueMany([1], options)).rejects.toMatchObject({ code: "invalid_option" });
    expect(await queue.listJobs()).toEqual([]);
  });

  test("stores nothing when one payload cannot be serialized, wherever it is", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const payloads: unknown[] = numbers(3_000);
    payloads[2_999] = () => {};
    await expect(task.enqueueMany(payloads)).rejects.toMatchObject({
      code: "not_serializable",
      message: expect.stringContaining("payloads[2999]: "),
      jobId: undefined,
    });
    expect(await queue.listJobs()).toEqual([]);
  });

  test("over a network does not resolve before its last page is stored", async () => {
    const { queue, store } = scene({ worker: false, isRemote: true });
    const { task } = controlled(queue);
    await queue.ready();
    const last = heldBack();
    store.on("enqueue", (call, args) => (store.calls.enqueue === 1 ? call() : last.fault(call, args)));
    let isAccepted = false;
    const enqueued = task.enqueueMany(numbers(1_500)).finally(() => {
      isAccepted = true;
    });
    await turns(10);
    expect([last.waiting, isAccepted]).toEqual([1, false]);
    last.release();
    expect(await enqueued).toHaveLength(1_500);
  });

  test("stores nothing for an empty array, and refuses what is not an array", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    expect(await task.enqueueMany([])).toEqual([]);
    expect(await task.enqueueMany(new Array(3))).toHaveLength(3);
    await expect(task.enqueueMany("abc" as never)).rejects.toMatchObject({ code: "invalid_payload" });
    await expect(task.enqueueMany([1], { id: newJobId() } as never)).rejects.toMatchObject({
      code: "invalid_option",
    });
  });

  test("delays every job", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await task.enqueueMany([1, 2], { delay: "5s" });
    await clock.advance(4_999);
    expect(runs).toEqual([]);
    await clock.advance(1);
    expect(runs).toHaveLength(2);
  });
});

describe("an id given to enqueue", () => {
  test("when repeated means the same job, stored and run once, even after it is done", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const id = newJobId();
    expect(await Promise.all([task.enqueue(1, { id }), task.enqueue(2, { id })])).toEqual([id, id]);
    await clock.advance(0);
    expect(runs.map((run) => run.payload)).toEqual([1]);
    runs[0]?.complete("first");
    await clock.drain();
    expect(await task.enqueue(3, { id })).toBe(id);
    await clock.advance("1h");
    expect(runs).toHaveLength(1);
    expect(await resultOf(queue, id)).toMatchObject({ result: "first" });
  });

  test("of another task's job is id_conflict, and changes nothing", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const other = background({ queue }, async function other(_: number) {});
    const id = await task.enqueue("mine");
    await expect(other.enqueue(1, { id })).rejects.toMatchObject({ code: "id_conflict", jobId: id, task: "other" });
    expect(await queue.getDetails(id)).toMatchObject({ task: "controlled", payload: "mine" });
    expect(await other.getResult(id)).toBe(null);
  });

  test("of another task's job is id_conflict in enqueueMany too, and the others are stored and reported as enqueued", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const other = background({ queue }, async function other(_: number) {});
    const taken = await task.enqueue("mine");
    const told: string[] = [];
    queue.on("enqueued", ({ jobId }) => told.push(jobId));
    const [before, after] = [newJobId(), newJobId()];
    await expect(other.enqueueMany([1, 2, 3], { ids: [before, taken, after] })).rejects.toMatchObject({
      code: "id_conflict",
      jobId: taken,
    });
    for (const id of [before, after]) expect((await resultOf(queue, id)).task).toBe("other");
    expect(told).toEqual([before, after]);
  });

  test("must be a lower-case UUIDv7", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const malformed = [
      "",
      "1",
      newJobId().toUpperCase(),
      "0b5c2a4e-7c1d-4e4b-9f5e-2d1f3a4b5c6d",
      7 as never,
      null as never,
    ];
    for (const id of malformed)
      await expect(task.enqueue(1, { id }), String(id)).rejects.toMatchObject({ code: "invalid_id" });
    expect(await queue.listJobs()).toEqual([]);
    await expect(task.enqueue(1, { id: "order-1" })).rejects.toThrow(
      'not "order-1": create it with newJobId(), or from a key with jobIdOf()',
    );
  });

  test("from newJobId() sorts after every earlier one, and is unique", () => {
    const ids = numbers(20_000).map(() => newJobId());
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(20_000);
  });
});

describe("how often a job is retried", () => {
  test("its own maxRetries override its task's, also in enqueueMany and by the task's name", async () => {
    const { queue, clock } = scene();
    const runs: string[] = [];
    const task = background({ queue, name: "flaky", maxRetries: 1, backoff: "1s" }, (what: string) => {
      runs.push(what);
      throw new Error("no");
    });
    const ids = [
      await task.enqueue("task"),
      await task.enqueue("none", { maxRetries: 0 }),
      await task.enqueue("two", { maxRetries: 2, delay: "1s" }),
      ...(await task.enqueueMany(["many"], { maxRetries: 0 })),
      await queue.enqueue("flaky", "name"),
      await queue.enqueue("flaky", "name, none", { maxRetries: 0 }),
    ];
    await clock.advance("1m");
    const counts = Object.groupBy(runs, (what) => what);
    expect(Object.fromEntries(Object.entries(counts).map(([what, all]) => [what, all?.length]))).toEqual({
      task: 2,
      none: 1,
      two: 3,
      many: 1,
      name: 2,
      "name, none": 1,
    });
    const results = await Promise.all(ids.map((id) => queue.getResult(id)));
    expect(results.map((job) => job?.maxRetries)).toEqual([1, 0, 2, 0, 1, 0]);
  });

  test("is three by default for the name of a task that this process does not have", async () => {
    const { queue } = scene({ worker: false });
    const ids = [await queue.enqueue("elsewhere", 1), await queue.enqueue("elsewhere", 1, { maxRetries: 7 })];
    const results = await Promise.all(ids.map((id) => queue.getResult(id)));
    expect(results.map((job) => job?.maxRetries)).toEqual([3, 7]);
  });

  test.each([-1, 0.5, Number.NaN, 1_000_001, "1", null])("cannot be %s", async (maxRetries) => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const options = { maxRetries } as never;
    for (const enqueued of [task.enqueue(1, options), task.enqueueMany([1], options)])
      await expect(enqueued).rejects.toMatchObject({
        code: "invalid_option",
        message: expect.stringContaining("maxRetries to enqueue a job of task 'controlled'"),
      });
    expect(await queue.listJobs()).toEqual([]);
  });
});

describe("when a job starts", () => {
  test("not before its delay or its runAt", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await task.enqueue("delay", { delay: "1h" });
    await task.enqueue("runAt", { runAt: new Date(clock.now() + 7_200_000) });
    await clock.advance(3_599_999);
    expect(runs).toEqual([]);
    await clock.advance(1);
    expect(runs.map((run) => run.payload)).toEqual(["delay"]);
    await clock.advance("1h");
    expect(runs.map((run) => run.payload)).toEqual(["delay", "runAt"]);
  });

  test("a runAt in the past means now", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(1, { runAt: new Date(0) });
    expect(+(await resultOf(queue, jobId)).runAt).toBe(clock.now());
    await clock.advance(0);
    expect(runs).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["both delay and runAt", { delay: "1s", runAt: new Date() }],
    ["an invalid runAt", { runAt: new Date(Number.NaN) }],
    ["a runAt that is not a Date", { runAt: "2030-01-01" }],
    ["a negative delay", { delay: -1 }],
    ["a delay without a unit", { delay: "5" }],
    ["an unknown option", { dealy: "5s" }],
    ["a reserved option", { priority: 1 }],
  ])("%s is an error, and nothing is stored", async (_, options) => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    await expect(task.enqueue(1, options as never)).rejects.toMatchObject({ code: "invalid_option" });
    expect(await queue.listJobs()).toEqual([]);
  });

  test("options that are undefined count as left out", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await task.enqueue(1, { id: undefined, delay: undefined, runAt: undefined });
    await clock.advance(0);
    expect(runs).toHaveLength(1);
  });
});

describe("on the system's clock", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a delay of more than 2^31 ms does not fire at once", async () => {
    await using queue = new InMemoryQueue();
    let calls = 0;
    const task = background({ queue, backoff: "60d" }, async function distant() {
      calls++;
      throw new Error("again in 60 days");
    });
    const delayed = await task.enqueue(undefined, { delay: "30d" });
    const far = await task.enqueue(undefined, { runAt: new Date(Date.now() + 400 * 86_400_000) });
    const failed = new Promise((resolve) => queue.on("retrying", resolve));
    const retried = await task.enqueue();
    await failed;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toBe(1);
    for (const id of [delayed, far, retried]) {
      expect((await resultOf(queue, id)).status).toBe("pending");
      await task.cancel(id);
    }
  });

  test("a timer of any length fires when it is due, and not before", () => {
    vi.useFakeTimers();
    const fired: number[] = [];
    const begin = Date.now();
    const day = 86_400_000;
    for (const days of [1, 24, 25, 49.8, 50, 1_000])
      systemClock.after(days * day, () => fired.push((Date.now() - begin) / day));
    const cancel = systemClock.after(100 * day, () => fired.push(-1));
    vi.advanceTimersByTime(60 * day);
    cancel();
    vi.advanceTimersByTime(1_000 * day);
    expect(fired).toEqual([1, 24, 25, 49.8, 50, 1_000]);
  });
});
