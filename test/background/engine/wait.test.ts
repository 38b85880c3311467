import { getEventListeners } from "node:events";
import { background, InMemoryQueue, JobError, newJobId } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Clock } from "../../../src/background/core/clock.ts";
import { KeepAlive } from "../../../src/background/engine/keep-alive.ts";
import { Waiter } from "../../../src/background/engine/waiter.ts";
import { MemoryStore } from "../../../src/background/stores/memory/store.ts";
import { newJob } from "../../../src/testing/conformance/scene.ts";
import { away, FaultyStore, heldBack, rejects } from "./faulty-store.ts";
import { controlled, nth, runningJob, scene, turns, twoWorkers } from "./scene.ts";

const HOUR = 3_600_000;
/** How often a job on a shared store is looked up, whatever is signalled. */
const POLL = 1_000;

/** The clock's timers from now on that have neither fired nor been stopped. */
function pendingTimers(clock: Clock): ReadonlySet<{ readonly delayMs: number }> {
  const pending = new Set<{ readonly delayMs: number }>();
  const after = clock.after.bind(clock);
  vi.spyOn(clock, "after").mockImplementation((delayMs, callback, slackMs) => {
    const timer = { delayMs };
    pending.add(timer);
    const end = (how: () => void) => () => {
      pending.delete(timer);
      how();
    };
    return end(after(delayMs, end(callback), slackMs));
  });
  return pending;
}

describe("wait", () => {
  test.each([
    ["completed", (run: ReturnType<typeof nth>) => run.complete({ n: 1 })],
    ["failed", (run: ReturnType<typeof nth>) => run.fail(new Error("no"))],
  ])("resolves when the job is %s, within a few turns", async (status, end) => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    const jobId = await task.enqueue(0);
    const waiting = task.wait(jobId);
    await clock.advance(0);
    end(nth(runs, 0));
    expect(await waiting).toMatchObject({ jobId, status, isDone: true });
  });

  test("resolves when the job is cancelled, also by another queue on the same store", async () => {
    const { a, b } = twoWorkers();
    const { task } = controlled(a.queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    const waiting = a.queue.wait(jobId);
    await turns();
    await b.queue.cancel(jobId);
    expect((await waiting).status).toBe("cancelled");
  });

  test("on a queue without the task resolves when another queue has run the job", async () => {
    const { a, b } = twoWorkers();
    const there = controlled(b.queue);
    const jobId = await a.queue.enqueue("controlled", 5);
    const waiting = a.queue.wait(jobId);
    await b.clock.advance(0);
    nth(there.runs, 0).complete("there");
    expect(await waiting).toMatchObject({ status: "completed", result: "there" });
  });

  test("resolves at once for a job that is done", async () => {
    const { queue, clock, task, runs, jobId } = await runningJob();
    nth(runs, 0).complete(1);
    await clock.drain();
    expect((await task.wait(jobId)).status).toBe("completed");
    expect((await queue.wait(jobId)).status).toBe("completed");
  });

  test("goes on through retries", async () => {
    const { queue, clock } = scene();
    const task = background({ queue }, async function thirdTime(_: undefined, job) {
      if (job.attempt < 3) throw new Error("not yet");
      return job.attempt;
    });
    const waiting = task.wait(await task.enqueue());
    await clock.advance("6s");
    expect(await waiting).toMatchObject({ status: "completed", result: 3 });
  });

  test("resolves even if retention keeps nothing", async () => {
    const clock = new ManualClock();
    await using queue = new InMemoryQueue({ clock, retention: { age: 0, count: 0 } });
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waiting = task.wait(jobId);
    await clock.advance("1h");
    nth(runs, 0).complete("kept for you");
    await clock.drain();
    expect(await waiting).toMatchObject({ result: "kept for you" });
    await clock.advance("5m");
    expect(await queue.getResult(jobId)).toBe(null);
  });

  test("resolves even if the job was due to be removed before it was read", async () => {
    const clock = new ManualClock();
    const on = new MemoryStore({ clock });
    const { queue, store } = scene({ clock, on });
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waiting = task.wait(jobId);
    await clock.advance(0);
    const look = heldBack({ isBefore: true });
    store.on("get", look.fault);
    nth(runs, 0).complete("spared");
    await turns();
    const nothing = { ageMs: 0, count: 0 };
    expect(await on.prune({ completed: nothing, failed: nothing, limit: 10 })).toBe(0);
    look.release();
    expect((await waiting).result).toBe("spared");
    clock.set(clock.now() + 29_000);
    expect(await on.prune({ completed: nothing, failed: nothing, limit: 10 })).toBe(0);
    clock.set(clock.now() + 2_000);
    expect(await on.prune({ completed: nothing, failed: nothing, limit: 10 })).toBe(1);
  });

  test("resolves even if every signal is missed", async () => {
    const { queue, clock, store } = scene();
    store.on("subscribe", async () => () => {});
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    await clock.advance("10s");
    const waiting = task.wait(jobId);
    await clock.advance(0);
    nth(runs, 0).complete("quiet");
    await clock.drain();
    await clock.advance("10s");
    expect(await waiting).toMatchObject({ result: "quiet" });
  });

  test("on a shared store resolves within a second even if every signal is missed, also after a wait that ended at once", async () => {
    const { queue, clock, store } = scene({ isDurable: true });
    store.on("subscribe", async () => () => {});
    const { task, runs } = controlled(queue);
    const first = await task.enqueue(0);
    await clock.advance(0);
    nth(runs, 0).complete("before");
    await clock.drain();
    expect(await task.wait(first)).toMatchObject({ result: "before" });
    const waiting = task.wait(await task.enqueue(1));
    await clock.advance("1s");
    nth(runs, 1).complete("quiet");
    await clock.drain();
    await clock.advance("1s");
    expect(await Promise.race([waiting, turns()])).toMatchObject({ result: "quiet" });
  });

  test("leaves neither a timer nor a listener behind, however it ends", async () => {
    const { a, b, clock } = twoWorkers();
    b.store.on("subscribe", async () => () => {});
    const jobs = [await a.queue.enqueue("none", 0), await a.queue.enqueue("none", 1)] as const;
    const pending = pendingTimers(clock);
    const controller = new AbortController();
    const { signal } = controller;
    const expectLeft = (timers: readonly number[], listeners: number) => {
      const waits = Array.from(pending, ({ delayMs }) => delayMs).filter((delayMs) =>
        [POLL, HOUR, 5_000].includes(delayMs),
      );
      expect(waits.sort((x, y) => x - y)).toEqual(timers);
      expect(getEventListeners(signal, "abort")).toHaveLength(listeners);
    };
    const polled = b.queue.wait(jobs[0], { timeout: HOUR, signal });
    await turns();
    expectLeft([POLL, HOUR], 1);
    await a.queue.cancel(jobs[0]);
    await clock.advance(POLL);
    expect(await polled).toMatchObject({ status: "cancelled" });
    expectLeft([], 0);
    await b.queue.wait(jobs[0], { timeout: HOUR, signal });
    expectLeft([], 0);
    const late = b.queue.wait(jobs[1], { timeout: 5_000, signal }).catch(({ code }) => code);
    await clock.advance(5_000);
    expect(await late).toBe("wait_timeout");
    expectLeft([], 0);
    const aborted = b.queue.wait(jobs[1], { timeout: HOUR, signal }).catch(({ code }) => code);
    await turns();
    expectLeft([POLL, HOUR], 1);
    controller.abort();
    expect(await aborted).toBe("wait_aborted");
    expectLeft([], 0);
  });

  test("uses the subscription of the wait before it, which ends when the queue is closed", async () => {
    const { queue, clock, store } = scene();
    const { task, runs } = controlled(queue);
    const now = { subscribed: 0, ended: 0 };
    store.on("subscribe", async (call, args) => {
      const end = (await call()) as () => void;
      if (args[0] !== "finished") return end;
      now.subscribed++;
      return () => {
        now.ended++;
        end();
      };
    });
    for (let job = 0; job < 3; job++) {
      const waiting = task.wait(await task.enqueue(job));
      await clock.advance(0);
      nth(runs, job).complete(job);
      expect((await waiting).result).toBe(job);
      await clock.advance("9s");
    }
    expect(now).toEqual({ subscribed: 1, ended: 0 });
    await queue.close();
    await turns();
    expect(now).toEqual({ subscribed: 1, ended: 1 });
  });

  test("resolves for each of many waits for one job, by task and by queue", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waits = Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? task.wait(jobId) : queue.wait(jobId)));
    await clock.advance(0);
    nth(runs, 0).complete(1);
    const jobs = await Promise.all(waits);
    expect(jobs.every((job) => job.status === "completed")).toBe(true);
  });

  test("does not affect waits for other jobs when it ends, however long these take", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const [short, long] = (await task.enqueueMany([1, 2])).map((jobId) => task.wait(jobId));
    await clock.advance(0);
    nth(runs, 0).complete("short");
    expect(await short).toMatchObject({ result: "short" });
    await clock.advance("10m");
    nth(runs, 1).complete("long");
    await clock.drain();
    expect(await Promise.race([long, turns()])).toMatchObject({ result: "long" });
  });

  test("gives each caller its own copy of the result", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waits = [queue.wait(jobId), queue.wait(jobId)];
    await clock.advance(0);
    nth(runs, 0).complete({ list: [1] });
    const [one, two] = await Promise.all(waits);
    expect(one?.result).toEqual(two?.result);
    expect(one?.result).not.toBe(two?.result);
  });
});

describe("a wait that ends without the job", () => {
  test("by its timeout is wait_timeout, and the job goes on", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waiting = expect(task.wait(jobId, { timeout: "5s" })).rejects.toMatchObject({
      code: "wait_timeout",
      jobId,
      task: "controlled",
    });
    await clock.advance("5s");
    await waiting;
    nth(runs, 0).complete(1);
    await clock.drain();
    expect((await task.wait(jobId, { timeout: "5s" })).status).toBe("completed");
  });

  test("by its signal is wait_aborted, before or while it waits", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0);
    const reason = new Error("enough");
    await expect(task.wait(jobId, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: "wait_aborted",
      cause: reason,
    });
    const controller = new AbortController();
    const waiting = task.wait(jobId, { signal: controller.signal });
    await turns();
    controller.abort(reason);
    await expect(waiting).rejects.toMatchObject({ code: "wait_aborted", jobId, cause: reason });
  });

  test("while the store is being asked is not reported as an error of the queue", async () => {
    const { queue, clock, store, errors } = scene({ worker: false, isDurable: true });
    const jobId = await queue.enqueue("any", 0);
    const controller = new AbortController();
    const waiting = queue.wait(jobId, { signal: controller.signal }).catch(({ code }) => code);
    await turns();
    const look = heldBack({ isBefore: true });
    store.on("get", look.fault);
    clock.set(clock.now() + POLL);
    await clock.drain({ timeout: 0 }).catch(() => {});
    expect(look.waiting).toBe(1);
    controller.abort();
    look.release();
    expect(await waiting).toBe("wait_aborted");
    await clock.advance(0);
    expect(errors).toEqual([]);
  });

  test("for an id that is unknown, malformed or another task's is job_not_found", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const other = background({ queue }, async function other() {});
    const jobId = await task.enqueue(0);
    for (const id of [newJobId(), "nonsense", "", 5 as never, Object.create(null) as never])
      await expect(task.wait(id)).rejects.toMatchObject({ code: "job_not_found" });
    await expect(other.wait(jobId)).rejects.toMatchObject({ code: "job_not_found", jobId, task: "other" });
    await expect(queue.wait(jobId, { task: "other" })).rejects.toMatchObject({ code: "job_not_found" });
  });

  test("by the queue's close is queue_closed, and so is one on a closed queue", async () => {
    const { queue } = scene({ worker: false });
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waiting = expect(task.wait(jobId)).rejects.toMatchObject({ code: "queue_closed" });
    await turns();
    await queue.close();
    await waiting;
    await expect(task.wait(jobId)).rejects.toMatchObject({ code: "queue_closed" });
  });

  test("by the queue's close is queue_closed, at whatever moment of the close it began", async () => {
    for (let moments = 0; moments < 40; moments++) {
      const { queue } = scene({ worker: false });
      const { task } = controlled(queue);
      const jobId = await task.enqueue(0);
      const closing = queue.close();
      for (let moment = 0; moment < moments; moment++) await null;
      const waiting = task.wait(jobId).catch((error) => error);
      await closing;
      const end = await Promise.race([waiting, turns().then(() => "waits for ever")]);
      expect(end, `after ${moments} moments`).toMatchObject({ code: "queue_closed" });
    }
  });

  test("by the queue's close rejects for whoever waited, and is not reported as an error of the queue", async () => {
    const { queue, store, errors } = scene({ worker: false });
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0);
    const look = heldBack({ isBefore: true });
    store.on("get", look.fault);
    const waiting = expect(task.wait(jobId)).rejects.toMatchObject({ code: "queue_closed" });
    await turns();
    // The job's end makes the wait look again once the look in flight is answered.
    await task.cancel(jobId);
    await queue.close();
    await waiting;
    look.release();
    await turns();
    expect(errors).toEqual([]);
  });

  test("because it named the wrong task does not end another wait for the same job", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const right = task.wait(jobId);
    await expect(queue.wait(jobId, { task: "wrong" })).rejects.toMatchObject({ code: "job_not_found" });
    await clock.advance(0);
    nth(runs, 0).complete("right");
    expect((await right).result).toBe("right");
  });
});

describe("a store that is away", () => {
  test("does not end waits that have begun", async () => {
    const { queue, clock, store } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const waiting = task.wait(jobId);
    await clock.advance(0);
    store.on("get", rejects());
    await clock.advance("1m");
    store.heal();
    nth(runs, 0).complete("after all");
    expect((await waiting).result).toBe("after all");
  });

  test("and silent is asked once for all awaited jobs, and reported once when that fails", async () => {
    const timers: (() => void)[] = [];
    const clock: Clock = {
      now: () => 0,
      after(_delayMs, callback) {
        timers.push(callback);
        return () => void timers.splice(timers.indexOf(callback), 1);
      },
      join: () => () => {},
    };
    const store = new FaultyStore(new MemoryStore({ clock }));
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const waiter = new Waiter({ store, clock, keepAlive: new KeepAlive(), onError });
    const jobs = Array.from({ length: 50 }, (_, n) => newJob(n));
    await store.enqueue(jobs);
    const waits = Promise.allSettled(jobs.map(({ id }) => waiter.wait(id, null, null, undefined)));
    await turns();
    let asked = 0;
    let fail = () => {};
    store.on("get", (_, [ids]) => {
      asked += (ids as readonly string[]).length;
      return new Promise((_, reject) => {
        fail = () => reject(away);
      });
    });
    const second = async () => {
      for (const ring of timers.splice(0)) ring();
      await turns();
    };
    for (let seconds = 0; seconds < 10; seconds++) await second();
    fail();
    await turns();
    expect(asked).toBe(50);
    expect(errors).toEqual([away]);
    await second();
    expect(asked).toBe(100);
    waiter.close(new JobError("queue_closed", "enough"));
    expect((await waits).every(({ status }) => status === "rejected")).toBe(true);
  });

  test("and slow is asked at most once more for a job, however many waits for it begin and end meanwhile", async () => {
    const { clock, store, task, runs, jobId } = await runningJob();
    const first = task.wait(jobId);
    await clock.advance(0);
    let asked = 0;
    const slow = heldBack();
    store.on("get", (call, args) => {
      asked += (args[0] as readonly string[]).length;
      return slow.fault(call, args);
    });
    const late = Array.from({ length: 50 }, () => task.wait(jobId, { timeout: "1ms" }).catch(({ code }) => code));
    await turns();
    const others = Array.from({ length: 50 }, () => task.wait(jobId));
    const moved = clock.advance("2ms");
    await turns();
    expect(asked).toBe(1);
    slow.release();
    await moved;
    expect(new Set(await Promise.all(late))).toEqual(new Set(["wait_timeout"]));
    await turns();
    expect(asked).toBe(2);
    nth(runs, 0).complete("all the same");
    await clock.advance(0);
    const results = await Promise.all([first, ...others]);
    expect(new Set(results.map(({ result }) => result))).toEqual(new Set(["all the same"]));
  });

  test("lets the next wait for a job ask again after a pending question failed along with the one in flight", async () => {
    const { clock, store, task, runs, jobId } = await runningJob();
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    let fail = () => {};
    store.on(
      "get",
      () =>
        new Promise((_, reject) => {
          fail = () => reject(new JobError("queue_unavailable", "the store is away"));
        }),
      1,
    );
    const sent = task.wait(jobId).catch(({ code }) => code);
    await turns();
    const unsent = task.wait(jobId).catch(({ code }) => code);
    await turns();
    vi.advanceTimersByTime(510);
    fail();
    expect(await Promise.all([sent, unsent])).toEqual(["queue_unavailable", "queue_unavailable"]);
    vi.useRealTimers();
    const waiting = task.wait(jobId);
    await clock.advance(0);
    nth(runs, 0).complete("asked anew");
    expect((await waiting).result).toBe("asked anew");
  });

  test("ends a wait that begins now, but no older one for the same job", async () => {
    const { queue, clock, store } = scene();
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    const older = task.wait(jobId);
    await clock.advance(0);
    store.on("get", rejects());
    await expect(task.wait(jobId)).rejects.toThrow("away");
    store.heal();
    nth(runs, 0).complete("still waited for");
    expect((await older).result).toBe("still waited for");
  });

  test("and refuses a subscription fails the first wait, but not later ones", async () => {
    const { clock, store, task, runs, jobId } = await runningJob();
    store.on("subscribe", rejects(), 1);
    await expect(task.wait(jobId)).rejects.toThrow("away");
    const waiting = task.wait(jobId);
    await clock.advance(0);
    nth(runs, 0).complete("ok");
    expect((await waiting).result).toBe("ok");
  });

  test("whose subscription begins only after its waits have ended has it ended again", async () => {
    const { queue, clock, store } = scene();
    const { task } = controlled(queue);
    const jobId = await task.enqueue(0, { delay: "1h" });
    await clock.advance(0);
    let subscribed = 0;
    const slow = heldBack();
    store.on("subscribe", async (call, args) => {
      const end = (await slow.fault(call, args)) as () => void;
      subscribed++;
      return () => {
        subscribed--;
        end();
      };
    });
    const waiting = task.wait(jobId, { timeout: "1s" }).catch((error) => error.code);
    await turns();
    const moved = clock.advance("1s");
    expect(await waiting).toBe("wait_timeout");
    slow.release();
    await moved;
    await turns();
    expect(subscribed).toBe(1);
    await clock.advance("10s");
    await turns();
    expect(subscribed).toBe(0);
  });
});
