import { mock } from "node:test";
import { background, InMemoryQueue, JobError } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";

/** A queue on a clock of its own, closed when the test is over. */
function queueOn(clock: ManualClock, concurrency?: number): InMemoryQueue {
  const queue = new InMemoryQueue({ clock, concurrency });
  onTestFinished(() => queue.close({ grace: 0 }));
  return queue;
}

describe("ManualClock", () => {
  test("begins where it is told, at the same instant each time otherwise, and stands still", async () => {
    expect(new ManualClock(new Date("2030-05-05T00:00:00Z")).now()).toBe(Date.UTC(2030, 4, 5));
    expect(new ManualClock(17).now()).toBe(17);
    const clock = new ManualClock();
    expect(clock.now()).toBe(new ManualClock().now());
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(clock.now()).toBe(new ManualClock().now());
    expect(() => new ManualClock(new Date(Number.NaN))).toThrow(JobError);
    expect(() => clock.set(new Date(Number.NaN))).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(clock.now()).toBe(new ManualClock().now());
  });

  test("moves by any duration, and refuses what is none", async () => {
    const clock = new ManualClock(0);
    await clock.advance("1.5h");
    await clock.advance(250);
    expect(clock.now()).toBe(5_400_250);
    for (const nonsense of [-1, "5", Number.NaN, undefined])
      await expect(clock.advance(nonsense as never)).rejects.toMatchObject({ code: "invalid_option" });
  });

  test("stands at whole milliseconds, as every instant that a store keeps does, and fires no timer before it is due", async () => {
    const clock = new ManualClock(17.9);
    expect(clock.now()).toBe(17);
    clock.set(99.5);
    expect(clock.now()).toBe(99);
    const fired: number[] = [];
    for (const delayMs of [0.2, 1, 1.5]) clock.after(delayMs, () => fired.push(clock.now()));
    await clock.advance(1);
    expect(fired).toEqual([100, 100]);
    await clock.advance(1);
    expect(fired).toEqual([100, 100, 101]);
  });

  test("fires timers in the order they are due, then in the order they were set, and stops at each instant", async () => {
    const clock = new ManualClock(0);
    const fired: [string, number][] = [];
    const note = (name: string) => () => fired.push([name, clock.now()]);
    clock.after(30, note("third"));
    clock.after(10, note("first"));
    clock.after(10, note("second"));
    clock.after(31, note("too late"));
    const cancel = clock.after(5, note("cancelled"));
    cancel();
    await clock.advance(30);
    expect(fired).toEqual([
      ["first", 10],
      ["second", 10],
      ["third", 30],
    ]);
    expect(clock.now()).toBe(30);
  });

  test("fires timers that timers set, as long as they are due on the way", async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    const again = () => {
      fired.push(clock.now());
      clock.after(10, again);
    };
    clock.after(10, again);
    await clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  test("advances that are not awaited come in turn, one after the other, also after one that failed", async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    for (const at of [1_000, 2_500]) clock.after(at, () => fired.push(clock.now()));
    const nonsense = clock.advance("soon" as never);
    const advances = [clock.advance("2s"), clock.advance("1s")].map((advance) => advance.then(() => clock.now()));
    await expect(nonsense).rejects.toMatchObject({ code: "invalid_option" });
    expect(await Promise.all(advances)).toEqual([2_000, 3_000]);
    expect(fired).toEqual([1_000, 2_500]);
    clock.after(500, () => {
      throw new Error("thrown by a timer");
    });
    const failed = clock.advance("1s");
    const next = clock.advance("1s");
    await expect(failed).rejects.toThrow("thrown by a timer");
    await next;
    expect(clock.now()).toBe(4_500);
  });

  test("stays where a timer set it ahead", async () => {
    const clock = new ManualClock(0);
    clock.after(500, () => clock.set(10_000));
    await clock.advance("1s");
    expect(clock.now()).toBe(10_000);
  });

  test("lets the queues do at each instant what is due, before it moves on", async () => {
    const clock = new ManualClock(0);
    const queue = queueOn(clock);
    const at: number[] = [];
    const task = background({ queue, maxRetries: 5 }, async function fails() {
      at.push(clock.now() / 1_000);
      throw new Error("again");
    });
    await task.enqueue();
    await clock.advance("2m");
    expect(at).toEqual([0, 2, 6, 14, 30, 62]);
  });

  test("passes over a month in few stops while no job runs, and begins a delayed job on time all the same", async () => {
    const clock = new ManualClock(0);
    const queue = queueOn(clock);
    const begun: number[] = [];
    const task = background({ queue }, async function remind() {
      begun.push(clock.now());
    });
    const timers = vi.spyOn(clock, "after");
    for (const delay of ["1h", "29d"] as const) await task.enqueue(undefined, { delay });
    await clock.advance("30d");
    expect(begun).toEqual([3_600_000, 29 * 86_400_000]);
    expect(timers.mock.calls.length).toBeLessThan(5_000);
    expect((await queue.health()).workers).toHaveLength(1);
  });

  test("stops for each heartbeat while a job runs, so that hours cost it no lease", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    const { promise, resolve } = Promise.withResolvers<void>();
    const lost: string[] = [];
    queue.on("lost", ({ jobId }) => void lost.push(jobId));
    const task = background({ queue }, async function runs() {
      await promise;
    });
    const jobId = await task.enqueue(undefined, { delay: "1h" });
    await clock.advance("3h");
    resolve();
    await clock.drain();
    expect(await task.getResult(jobId)).toMatchObject({ status: "completed", attempts: 1, duration: 7_200 });
    expect(lost).toEqual([]);
  });

  test("a timer with slack is late by whole milliseconds, a twentieth at most of what was advanced, never in the first minute, and never after the end", async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    const note = () => void fired.push(clock.now());
    clock.after(59_000, note, Number.POSITIVE_INFINITY);
    clock.after(61_003, note);
    clock.after(100_000, note, Number.POSITIVE_INFINITY);
    clock.after(150_000, note, 500);
    clock.after(195_000, note, Number.POSITIVE_INFINITY);
    await clock.advance(200_000);
    expect(fired).toEqual([59_000, 61_003, 103_050, 150_500, 200_000]);
  });

  test("advance() does not wait for handlers that wait for something else", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    const { promise, resolve } = Promise.withResolvers<void>();
    const task = background({ queue }, async function waits() {
      await promise;
    });
    const jobId = await task.enqueue();
    await clock.advance("1m");
    expect((await task.getResult(jobId))?.status).toBe("running");
    resolve();
    await clock.drain();
    expect((await task.getResult(jobId))?.status).toBe("completed");
  });

  test("set() moves the time alone; what it passed happens with the next advance or drain", async () => {
    const clock = new ManualClock(0);
    const queue = queueOn(clock);
    const fired: number[] = [];
    clock.after(50, () => fired.push(clock.now()));
    let ran = 0;
    const task = background({ queue }, async function late() {
      ran++;
    });
    await task.enqueue(undefined, { delay: "1h" });
    await clock.drain();
    clock.set(new Date(7_200_000));
    expect([clock.now(), fired, ran]).toEqual([7_200_000, [], 0]);
    await clock.drain();
    expect([fired, ran]).toEqual([[7_200_000], 1]);
  });

  test("can be set back: the queue's time goes on with the latest it has seen, and its jobs go on", async () => {
    const clock = new ManualClock(10_000_000);
    const queue = queueOn(clock);
    const task = background({ queue }, async function steady(_: number) {});
    const first = await task.enqueue(1);
    await clock.drain();
    clock.set(5_000_000);
    const second = await task.enqueue(2);
    await clock.drain();
    const [before, after] = [await task.getResult(first), await task.getResult(second)];
    expect(after?.status).toBe("completed");
    expect(+(after?.createdAt as Date)).toBeGreaterThanOrEqual(+(before?.createdAt as Date));
  });
});

describe("drain()", () => {
  test("waits for handlers, also such as await real I/O and timers, without moving the time", async () => {
    const clock = new ManualClock(0);
    const queue = queueOn(clock);
    const task = background({ queue }, async function slow(n: number) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return n;
    });
    const ids = await task.enqueueMany([1, 2, 3]);
    await clock.drain();
    for (const id of ids) expect((await task.getResult(id))?.status).toBe("completed");
    expect(clock.now()).toBe(0);
  });

  test("waits for jobs that jobs enqueue, and for enqueues that nobody awaited", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    const done: number[] = [];
    const task = background({ queue, name: "chain" }, async (n: number): Promise<void> => {
      done.push(n);
      if (n < 10) void queue.enqueue("chain", n + 1);
    });
    void task.enqueue(1);
    await clock.drain();
    expect(done).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("does not wait for what is due later", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    const task = background({ queue }, async function later() {});
    const jobId = await task.enqueue(undefined, { delay: 1 });
    await clock.drain();
    expect((await task.getResult(jobId))?.status).toBe("pending");
  });

  test("gives up with drain_timeout, which names the jobs that still run", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock, 50);
    const task = background({ queue }, function stuck(_: number) {
      return new Promise(() => {});
    });
    const [first, second] = (await task.enqueueMany([1, 2])) as [string, string];
    // However long a busy machine takes for that, they run when the time begins.
    await clock.advance(0);
    const error = (await clock.drain({ timeout: 30 }).catch((error) => error)) as JobError;
    expect(error).toMatchObject({ code: "drain_timeout", jobId: first, task: "stuck" });
    expect(error.message).toContain(`still running: ${first} of task 'stuck', ${second} of task 'stuck'`);
    await task.enqueueMany(Array.from({ length: 48 }, (_, n) => n));
    await clock.advance(0);
    await expect(clock.drain({ timeout: "30ms" })).rejects.toThrow(/ and 40 more\. Check whether a handler waits/);
    await expect(clock.drain({ timeOut: "30ms" } as never)).rejects.toMatchObject({ code: "invalid_option" });
  });

  test("knows nothing of queues that are closed", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    const task = background({ queue }, function stuck() {
      return new Promise(() => {});
    });
    await task.enqueue();
    await clock.advance(0);
    await queue.close({ grace: 0 });
    await clock.drain({ timeout: 100 });
  });

  test("waits for several queues on one clock", async () => {
    const clock = new ManualClock();
    const [one, two] = [queueOn(clock), queueOn(clock)];
    const seen: string[] = [];
    const first = background({ queue: one }, async function first() {
      await background({ queue: two, name: "second" }, async () => void seen.push("second")).enqueue();
      seen.push("first");
    });
    await first.enqueue();
    await clock.drain();
    expect(seen).toEqual(["first", "second"]);
  });
});

describe("under fake timers", () => {
  const fake = (toFake?: Parameters<typeof vi.useFakeTimers>[0]): void => {
    vi.useFakeTimers(toFake);
    onTestFinished(() => void vi.useRealTimers());
  };

  test("that take setImmediate, advance() and drain() say which timers to leave alone, and do not hang", async () => {
    const clock = new ManualClock();
    fake();
    const moves = [() => clock.advance("1h"), () => clock.drain(), () => clock.drain({ timeout: undefined })];
    for (const move of moves) {
      await expect(move()).rejects.toMatchObject({
        code: "drain_timeout",
        message: expect.stringContaining("leave it real"),
      });
    }
  });

  test("of node:test, which fakes setImmediate unless told otherwise, it says so too", async () => {
    const clock = new ManualClock();
    onTestFinished(() => mock.timers.reset());
    mock.timers.enable();
    await expect(clock.drain()).rejects.toThrow('mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] })');
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    const queue = queueOn(clock);
    const task = background({ queue }, async function waits() {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return Date.now();
    });
    const jobId = await task.enqueue();
    await clock.advance(0);
    mock.timers.tick(1_000);
    await clock.drain();
    expect((await task.getResult(jobId))?.result).toBe(1_000);
  });

  test("a setImmediate that is merely late, or a loop that was blocked, is taken for no fake", async () => {
    const clock = new ManualClock();
    const later = (callback: () => void) => setTimeout(callback, 0);
    for (const implementation of [setImmediate, later]) {
      vi.stubGlobal("setImmediate", implementation);
      onTestFinished(() => void vi.unstubAllGlobals());
      // From here on the loop comes to its timers before it comes to setImmediate.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const drained = clock.drain();
      const until = performance.now() + 150;
      while (performance.now() < until);
      await drained;
    }
  });

  test("that leave setImmediate alone, handlers are waited for, also those that take long and those that never end", async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    fake({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
    const many = background({ queue }, async function many() {
      for (let turns = 0; turns < 1_000; turns++) await new Promise((resolve) => setImmediate(resolve));
      return "done";
    });
    const jobId = await many.enqueue();
    await clock.drain();
    expect((await many.getResult(jobId))?.result).toBe("done");
    await background({ queue, name: "stuck" }, () => new Promise(() => {})).enqueue();
    await expect(clock.drain({ timeout: 30 })).rejects.toMatchObject({ code: "drain_timeout" });
  });
});
