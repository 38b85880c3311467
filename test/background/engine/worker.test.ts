import fc from "fast-check";
import { background, type JobQueue } from "rapidai/background";
import { describe, expect, test, vi } from "vitest";
import type { ClaimAnswer, ClaimRequest, HandedJob } from "../../../src/background/core/store.ts";
import { away, heldBack, type Method } from "./faulty-store.ts";
import {
  controlled,
  eventsOf,
  handingOver,
  nth,
  type Running,
  resultOf,
  type SceneInit,
  scene,
  turns,
  twoWorkers,
} from "./scene.ts";

/** Tasks of these names, whose handlers note the order in which they are called, and end at once. */
function noting(queue: JobQueue, names: readonly string[]) {
  const order: string[] = [];
  const tasks = names.map((name) =>
    background({ queue, name }, async (_: number) => {
      order.push(name);
    }),
  );
  return { order, tasks };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("a worker", () => {
  test("runs no more jobs at a time than its concurrency, and fills every slot", async () => {
    const { queue, clock } = scene({ concurrency: 3 });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(numbers(10));
    for (let ended = 0; ended < 10; ended++) {
      await clock.advance(0);
      expect(runs).toHaveLength(Math.min(10, 3 + ended));
      nth(runs, ended).complete();
    }
    await clock.drain();
  });

  test("is woken by a signal that names other tasks besides its own", async () => {
    const { a, b } = twoWorkers();
    const { runs } = controlled(b.queue, { name: "own" });
    await b.clock.advance(0);
    // In one turn, so that one call stores both.
    await Promise.all([a.queue.enqueue("other", 1), a.queue.enqueue("own", 2)]);
    await b.clock.advance(0);
    expect(runs.map(({ payload }) => payload)).toEqual([2]);
  });

  test("starts nothing under an offer that it withdrew while all slots were taken, and hands it back", async () => {
    const { queue, clock, claims, handOver } = handingOver({ concurrency: 1 });
    const { task, runs } = controlled(queue);
    await task.enqueue("first");
    await clock.advance(0);
    const jobId = await task.enqueue("second");
    const { offer } = claims.at(-1) as ClaimRequest;
    await clock.advance("15s");
    expect(claims.at(-1)).toMatchObject({ limit: 0, offer: null });
    const tell = await handOver(offer as string);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "running", attempts: 1 });
    tell();
    await turns();
    expect(runs.map(({ payload }) => payload)).toEqual(["first"]);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("runs a job that was handed over and arrives again, while it runs or later, only once", async () => {
    const { queue, clock, claims, handOver } = handingOver({ claim: async () => ({ jobs: [], nextDueMs: null }) });
    const { task, runs } = controlled(queue);
    const events = eventsOf(queue);
    await clock.advance(0);
    const jobId = await task.enqueue("handed over");
    const tell = await handOver(claims.at(-1)?.offer as string);
    for (let times = 0; times < 2; times++) {
      tell();
      await turns();
      expect(await resultOf(queue, jobId)).toMatchObject({ status: "running", attempts: 1 });
    }
    nth(runs, 0).complete("done");
    await turns();
    tell();
    await turns();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", attempts: 1 });
    expect(events.map(({ name }) => name)).toEqual(["enqueued", "started", "completed"]);
  });

  test("keeps an offer however many claims fail, and starts the job that is handed over under it", async () => {
    let isAway = false;
    const claim = () => (isAway ? Promise.reject(away) : Promise.resolve({ jobs: [], nextDueMs: null }));
    const { queue, clock, claims, handOver } = handingOver({ claim });
    const { task, runs } = controlled(queue);
    await clock.advance(0);
    const { offer } = claims.at(-1) as ClaimRequest;
    isAway = true;
    await task.enqueue("handed over");
    await clock.advance("20s");
    expect(claims.length).toBeGreaterThan(6);
    expect(new Set(claims.slice(1).map(({ offered }) => offered))).toEqual(new Set([offer]));
    (await handOver(offer as string))();
    await turns();
    expect(runs.map(({ payload }) => payload)).toEqual(["handed over"]);
  });

  test("goes on looking for lost jobs when one that is handed over takes the slot for which it was about to claim", async () => {
    const claim = async () => ({ jobs: [], nextDueMs: null });
    const { queue, clock, store, claims, handOver } = handingOver({ claim, concurrency: 2, isRemote: true });
    const { task, runs } = controlled(queue);
    const take = async (payload: string) => {
      await task.enqueue(payload);
      (await handOver(claims.at(-1)?.offer as string))();
      await turns();
      expect(runs.at(-1)?.payload).toBe(payload);
    };
    await turns();
    await take("first");
    await clock.advance("10s");
    const renewal = heldBack({ isBefore: true });
    store.on("heartbeat", renewal.fault);
    clock.set(clock.now() + 20_000);
    await clock.drain({ timeout: 0 }).catch(() => {});
    await turns();
    expect(renewal.waiting).toBe(1);
    await take("second");
    const before = claims.length;
    renewal.release();
    await clock.advance("10s");
    expect(claims.slice(before).map(({ limit, lostLimit }) => [limit, lostLimit])).toEqual(Array(3).fill([0, 100]));
  });

  test("keeps an offer if the claim that withdraws it fails, even after a later claim was answered", async () => {
    const withdrawal = Promise.withResolvers<ClaimAnswer>();
    const answers = [Promise.resolve({ jobs: [], nextDueMs: 0 }), withdrawal.promise];
    const claim = () => {
      clock.set(clock.now() + 1);
      return answers.shift() ?? Promise.resolve({ jobs: [], nextDueMs: null });
    };
    const { queue, clock, claims, handOver } = handingOver({ claim, concurrency: 40, isRemote: true });
    const { task, runs } = controlled(queue);
    await turns();
    await task.enqueue("handed over");
    await turns();
    const [{ offer }, second, third] = claims as [ClaimRequest, ClaimRequest, ClaimRequest];
    expect([second.offered, third.offered]).toEqual([offer, null]);
    withdrawal.reject(away);
    await turns();
    (await handOver(offer as string))();
    await turns();
    expect(runs.map(({ payload }) => payload)).toEqual(["handed over"]);
  });

  test("starts a job that was handed over when the signal got lost, but the next claim's answer brings it", async () => {
    const handed: HandedJob[] = [];
    const claim = async () => ({ jobs: [], nextDueMs: null, handed: handed.shift() });
    const { queue, clock, claims, claimUnder } = handingOver({ claim, concurrency: 2 });
    const { task, runs } = controlled(queue);
    await clock.advance(0);
    const { offer } = claims.at(-1) as ClaimRequest;
    const jobId = await task.enqueue("handed over");
    handed.push(await claimUnder(offer as string));
    await clock.advance("15s");
    expect(claims.at(-1)?.offered).not.toBe(offer);
    expect(runs.map(({ payload }) => payload)).toEqual(["handed over"]);
    nth(runs, 0).complete("done");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "done" });
  });

  test.each<[string, SceneInit, boolean]>([
    ["whose lease is too short for that", { lease: "2s" }, true],
    ["on a store that hands nothing over", {}, false],
  ])("%s makes no offer", async (_, options, handsOver) => {
    const { queue, store, clock, claims } = handingOver(options);
    Object.assign(store, { handsOver });
    controlled(queue);
    await clock.advance("1m");
    expect(new Set(claims.map(({ offer }) => offer))).toEqual(new Set([null]));
  });

  test("stops only once its offer has been withdrawn", async () => {
    const withdrawal = Promise.withResolvers<ClaimAnswer>();
    const answers: Promise<ClaimAnswer>[] = [Promise.resolve({ jobs: [], nextDueMs: null }), withdrawal.promise];
    const { queue, claims } = handingOver({ claim: () => answers.shift() as Promise<ClaimAnswer> });
    controlled(queue);
    await turns();
    const over = vi.fn();
    const stopped = queue.stop().then(over);
    await turns(20);
    expect(claims).toHaveLength(2);
    expect(over).not.toHaveBeenCalled();
    withdrawal.resolve({ jobs: [], nextDueMs: null });
    await stopped;
  });

  test("withdraws its offer when it stops, once the claim that makes the offer is answered", async () => {
    const first = Promise.withResolvers<ClaimAnswer>();
    const answers = [first.promise];
    const claim = () => answers.shift() ?? Promise.resolve({ jobs: [], nextDueMs: null });
    const { queue, claims } = handingOver({ claim });
    controlled(queue);
    await turns();
    const stopped = queue.stop();
    await turns();
    expect(claims).toHaveLength(1);
    first.resolve({ jobs: [], nextDueMs: null });
    await stopped;
    expect(claims.slice(1)).toMatchObject([{ limit: 0, offer: null, offered: claims[0]?.offer }]);
    expect(claims[0]?.offer).toBeTypeOf("string");
  });

  test("leaves its offer to the next worker of its queue if it could not withdraw it when it stopped", async () => {
    const nothing = { jobs: [], nextDueMs: null };
    const next = Promise.withResolvers<ClaimAnswer>();
    const answers = [async () => nothing, () => Promise.reject(away), () => next.promise];
    const claim = async () => answers.shift()?.() ?? nothing;
    const { queue, claims, handOver } = handingOver({ claim });
    const { task, runs } = controlled(queue);
    await turns();
    await queue.stop();
    await task.enqueue("handed over");
    await queue.start();
    await turns();
    const [{ offer }, withdrawal, { offered }] = claims as [ClaimRequest, ClaimRequest, ClaimRequest];
    expect([withdrawal.offered, offered]).toEqual([offer, offer]);
    // Before the store has got the claim that withdraws it.
    (await handOver(offer as string))();
    next.resolve(nothing);
    await turns();
    expect(runs.map(({ payload }) => payload)).toEqual(["handed over"]);
  });

  test("never has more jobs than slots with two claims in flight, whatever is enqueued meanwhile", async () => {
    for (const concurrency of [1, 2, 3, 4]) {
      const { queue, clock, store } = scene({ concurrency, isRemote: true });
      let claims = 0;
      store.on("claim", async (call) => {
        const answer = await call();
        await turns(claims++ % 3);
        return answer;
      });
      let running = 0;
      let most = 0;
      const task = background({ queue, name: "short" }, async (n: number) => {
        most = Math.max(most, ++running);
        await turns(n % 4);
        running--;
      });
      const ids = await task.enqueueMany(numbers(20));
      for (const n of numbers(60)) {
        ids.push(await task.enqueue(n));
        await turns(n % 3);
      }
      await clock.drain();
      expect(most).toBe(concurrency);
      for (const id of ids) expect((await resultOf(queue, id)).attempts).toBe(1);
    }
  });

  test.each<Method>(["claim", "settle"])(
    "makes a second %s beside one in flight for eight jobs, not for fewer, and no third one",
    async (method) => {
      const { queue, clock, store } = scene({ concurrency: 40, isRemote: true });
      const { task, runs } = controlled(queue);
      await task.enqueueMany(numbers(100));
      await clock.advance(0);
      expect(runs).toHaveLength(40);
      const held = heldBack();
      store.on(method, held.fault);
      nth(runs, 0).complete();
      await turns();
      expect(held.waiting).toBe(1);
      for (const n of numbers(7)) nth(runs, 1 + n).complete();
      await turns();
      expect(held.waiting).toBe(1);
      nth(runs, 8).complete();
      await turns();
      expect(held.waiting).toBe(2);
      for (const n of numbers(20)) nth(runs, 9 + n).complete();
      await turns();
      expect(held.waiting).toBe(2);
      held.release();
      await clock.advance(0);
      expect(runs).toHaveLength(69);
      for (let run = 29; run < 100; run++) {
        nth(runs, run).complete();
        await clock.advance(0);
      }
      await clock.drain();
      expect((await queue.counts()).byStatus.completed).toBe(100);
    },
  );

  test.each<Method>(["claim", "settle"])("makes one %s at a time where the store is not remote", async (method) => {
    const { queue, clock, store } = scene({ concurrency: 40 });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(numbers(100));
    await clock.advance(0);
    const held = heldBack();
    store.on(method, held.fault);
    nth(runs, 0).complete();
    await turns();
    for (const n of numbers(20)) nth(runs, 1 + n).complete();
    await task.enqueue(100);
    await turns();
    expect(held.waiting).toBe(1);
    held.release();
  });

  test.each([
    ["half of its slots at a time, beside a claim for the other half", false, 20],
    ["all of its slots at a time when there are other workers", true, 40],
  ])("claims for %s", async (_, isShared, limit) => {
    const { queue, clock, store } = scene({ concurrency: 40, isRemote: true });
    const limits: number[] = [];
    let underWay = 0;
    store.on("claim", async (call, [request]) => {
      limits.push((request as ClaimRequest).limit);
      expect(++underWay * limit).toBeLessThanOrEqual(40);
      const answer = (await call()) as ClaimAnswer;
      await turns(limits.length % 3);
      underWay--;
      return { ...answer, isShared };
    });
    const { order, tasks } = noting(queue, ["quick"]);
    await tasks[0]?.enqueueMany(numbers(400));
    await clock.drain();
    expect(order).toHaveLength(400);
    const [first, ...others] = limits;
    expect(first).toBe(40);
    expect(others.slice(0, 360 / limit)).toEqual(others.slice(0, 360 / limit).map(() => limit));
  });

  test("runs jobs of a task first in, first out", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const { task, runs } = controlled(queue);
    for (const n of numbers(20)) await task.enqueue(n);
    for (const n of numbers(20)) {
      await clock.advance(0);
      expect(nth(runs, -1).payload).toBe(n);
      nth(runs, -1).complete();
    }
    await clock.drain();
  });

  test("runs a delayed job before those enqueued after it became due", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const { task, runs } = controlled(queue);
    await task.enqueue("blocks");
    await clock.advance(0);
    await task.enqueue("in 5 s", { delay: "5s" });
    await clock.advance("6s");
    await task.enqueue("now");
    for (const expected of ["blocks", "in 5 s", "now"]) {
      await clock.advance(0);
      expect(nth(runs, -1).payload).toBe(expected);
      nth(runs, -1).complete();
    }
    await clock.drain();
  });

  test("starts a job in the turn after it was enqueued, not at the next poll", async () => {
    const { queue, clock } = scene();
    const { task, runs } = controlled(queue);
    await clock.advance("1h");
    await task.enqueue(1);
    await clock.advance(0);
    expect(runs).toHaveLength(1);
  });

  test("that is idle asks a shared store once a second, however many jobs it ran before", async () => {
    const { queue, clock, store } = scene({ isDurable: true });
    const { tasks } = noting(queue, ["one"]);
    for (const n of numbers(20)) {
      await tasks[0]?.enqueue(n);
      await clock.advance(30);
    }
    const { claim } = store.calls;
    await clock.advance("10s");
    expect(store.calls.claim - claim).toBe(10);
  });

  test("claims only jobs of tasks that it has", async () => {
    const { queue, clock } = scene();
    controlled(queue);
    const jobId = await queue.enqueue("somebody-elses", 1);
    await clock.advance("1h");
    expect(await queue.getResult(jobId)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("runs the jobs of a task that attaches later, including those enqueued before", async () => {
    const { queue, clock } = scene();
    controlled(queue, { name: "first" });
    await queue.enqueue("controlled", "early");
    await clock.advance("1m");
    const { runs } = controlled(queue);
    await clock.advance(0);
    expect(nth(runs, 0).payload).toBe("early");
  });
});

describe("fairness", () => {
  test("a flood of one task does not starve another", async () => {
    const { queue, clock } = scene({ concurrency: 2 });
    const { order, tasks } = noting(queue, ["flood", "drop"]);
    await tasks[0]?.enqueueMany(numbers(1_000));
    await tasks[1]?.enqueue(0);
    await clock.drain();
    expect(order.indexOf("drop")).toBeLessThan(6);
    expect(order).toHaveLength(1_001);
  });

  test("a flood of one task does not starve one with a limit, even with two claims in flight", async () => {
    const { queue, clock, store } = scene({ concurrency: 100, isRemote: true });
    // Answers take a while, so that two claims are in flight all the time.
    store.on("claim", async (call) => {
      const answer = await call();
      await turns(2);
      return answer;
    });
    const { order, tasks } = noting(queue, ["flood"]);
    const rare = background({ queue, name: "rare", concurrency: 1 }, async () => void order.push("rare"));
    await tasks[0]?.enqueueMany(numbers(5_000));
    await rare.enqueueMany([undefined, undefined, undefined]);
    await clock.drain();
    expect(order).toHaveLength(5_003);
    expect(order.lastIndexOf("rare")).toBeLessThan(2_000);
  });

  test("tasks take turns, even when there are more of them than slots", async () => {
    const { queue, clock } = scene({ concurrency: 1 });
    const names = ["a", "b", "c", "d", "e"];
    const { order, tasks } = noting(queue, names);
    for (const task of tasks) await task.enqueueMany(numbers(4));
    await clock.drain();
    for (let round = 0; round < 4; round++)
      expect(order.slice(round * 5, round * 5 + 5).sort(), `round ${round} of ${order}`).toEqual(names);
  });

  test("a task at its own limit leaves the slots to others", async () => {
    const { queue, clock } = scene({ concurrency: 4 });
    const limited = controlled(queue, { name: "limited", concurrency: 1 });
    const free = controlled(queue, { name: "free" });
    await limited.task.enqueueMany(numbers(5));
    await free.task.enqueueMany(numbers(5));
    await clock.advance(0);
    expect([limited.runs.length, free.runs.length]).toEqual([1, 3]);
    nth(limited.runs, 0).complete();
    await clock.advance(0);
    expect([limited.runs.length, free.runs.length]).toEqual([2, 3]);
  });

  test("a task's limit holds through failures, timeouts and cancels", async () => {
    const { queue, clock } = scene({ concurrency: 10, grace: "1s" });
    const { task, runs } = controlled(queue, { concurrency: 2, timeout: "5s", maxRetries: 0 });
    const ids = (await task.enqueueMany(numbers(8))) as string[];
    await clock.advance(0);
    nth(runs, 0).fail(new Error("no"));
    await clock.advance(0);
    expect(runs).toHaveLength(3);
    await task.cancel(ids[1] as string);
    await clock.advance("1s");
    expect(runs).toHaveLength(4);
    await clock.advance("4s");
    expect(runs).toHaveLength(5);
    await clock.advance("1s");
    expect(runs).toHaveLength(6);
  });
});

test("whatever the tasks, their limits and how jobs end, no limit is ever exceeded and every job ends", async () => {
  const endings = fc.constantFrom("complete", "fail", "permanent", "cancel", "leave");
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.record({ limit: fc.integer({ min: 1, max: 4 }), jobs: fc.integer({ min: 0, max: 12 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.infiniteStream(endings),
    fc.boolean(),
    async (concurrency, shapes, stream, isRemote) => {
      // Over a network there may be two claims in flight.
      const { queue, clock, store } = scene({ concurrency, grace: "3s", isRemote });
      const exceeded: string[] = [];
      const running = new Map<string, number>();
      let free = concurrency;
      store.on("claim", async (call, [request]) => {
        const answer = (await call()) as { jobs: unknown[] };
        if (answer.jobs.length > free) exceeded.push(`${answer.jobs.length} jobs for ${free} slots`);
        if ((request as { limit: number }).limit > free) exceeded.push(`asked for more than ${free}`);
        return answer;
      });
      const runs: (Running & { name: string })[] = [];
      const tasks = shapes.map(({ limit }, index) => {
        const name = `t${index}`;
        return background(
          { queue, name, concurrency: limit, maxRetries: 1, timeout: "20s", backoff: "1s" },
          async (payload: number, job) => {
            free--;
            running.set(name, (running.get(name) ?? 0) + 1);
            if (free < 0) exceeded.push(`${concurrency - free} of ${concurrency} slots taken`);
            if ((running.get(name) ?? 0) > limit) exceeded.push(`${running.get(name)} of ${limit} of ${name}`);
            const { promise, resolve, reject } = Promise.withResolvers<unknown>();
            runs.push({ payload, job, complete: resolve, fail: reject, name });
            await promise.finally(() => {
              free++;
              running.set(name, (running.get(name) ?? 0) - 1);
            });
          },
        );
      });
      for (const [index, { jobs }] of shapes.entries()) await tasks[index]?.enqueueMany(numbers(jobs));
      const total = shapes.reduce((sum, { jobs }) => sum + jobs, 0);
      for (let step = 0; step < 300; step++) {
        await clock.advance(step % 5 === 0 ? "1s" : 0);
        const run = runs.shift();
        if (run === undefined) {
          const { byStatus } = await queue.counts();
          if (byStatus.completed + byStatus.failed + byStatus.cancelled === total) break;
          continue;
        }
        const ending = stream.next().value;
        if (ending === "complete") run.complete();
        else if (ending === "fail") run.fail(new Error("no"));
        else if (ending === "leave") runs.push(run);
        else {
          await queue.cancel(run.job.id);
          run.complete();
        }
        await clock.advance(0);
      }
      for (const run of runs) run.complete();
      await clock.advance("1m");
      const { byStatus } = await queue.counts();
      expect(byStatus.completed + byStatus.failed + byStatus.cancelled).toBe(total);
      expect(exceeded).toEqual([]);
      await queue.close({ grace: 0 });
    },
  );
  await fc.assert(property, { numRuns: 60 });
});
