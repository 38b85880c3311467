import { background, type JobError } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { describe, expect, test, vi } from "vitest";
import type { HeartbeatRequest } from "../../../src/background/core/store.ts";
import { loseJob, PartOfJob } from "../../../src/background/engine/job.ts";
import { MemoryStore } from "../../../src/background/stores/memory/store.ts";
import { away, type HeldBack, hangs, heldBack, rejects } from "./faulty-store.ts";
import { controlled, eventsOf, nth, resultOf, runningJob, type Scene, scene, turns, twoWorkers } from "./scene.ts";

/** The worker's process is frozen, as far as others can tell: none of its calls gets through until it is released. */
function freeze({ store }: Scene): HeldBack {
  const frozen = heldBack({ isBefore: true });
  for (const method of ["claim", "heartbeat", "settle"] as const) store.on(method, frozen.fault);
  return frozen;
}

const namesOf = (told: ReturnType<typeof eventsOf>) => told.map(({ name }) => name);

describe("a worker that dies", () => {
  test("loses its job once the lease has expired, not before, and another worker runs it", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const [there, here] = [controlled(a.queue), controlled(b.queue)];
    await clock.advance(0);
    const claims = b.store.on("claim", async () => ({ jobs: [], nextDueMs: null }));
    const jobId = await a.queue.enqueue("controlled", 7);
    await a.clock.advance(0);
    expect(there.runs).toHaveLength(1);
    freeze(a);
    claims();
    await clock.advance("29s");
    expect(here.runs).toHaveLength(0);
    await clock.advance("3s");
    expect(nth(here.runs, 0)).toMatchObject({ payload: 7, job: { id: jobId, attempt: 2 } });
    nth(here.runs, 0).complete("here");
    await clock.drain();
    const job = await resultOf(b.queue, jobId);
    expect(job).toMatchObject({ status: "completed", result: "here", attempts: 2 });
    expect(job.errors.map(({ message }) => message)).toEqual([expect.stringContaining("was lost during attempt 1")]);
    expect((await b.queue.getDetails(jobId))?.losses).toBe(1);
  });

  test("loses its job also if the other worker's own next job is due only in an hour", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    controlled(a.queue, { name: "lost" });
    const { task } = controlled(b.queue);
    await task.enqueue(1, { delay: "1h" });
    await clock.advance(0);
    const jobId = await a.queue.enqueue("lost", 0);
    await a.clock.advance(0);
    freeze(a);
    await clock.advance("32s");
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "pending", attempts: 1 });
  });

  test("or only freezes for longer than its lease, with every slot taken, renews before it looks for lost jobs", async () => {
    const { queue, clock } = scene({ lease: "30s", concurrency: 2, isDurable: true });
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    const told = eventsOf(queue);
    const ids = await task.enqueueMany([1, 2]);
    await clock.advance("10m");
    for (let time = 0; time < 4; time++) {
      clock.set(clock.now() + 45_000);
      await clock.advance("5s");
    }
    for (const run of runs) run.complete();
    await clock.drain();
    expect(runs).toHaveLength(2);
    for (const id of ids) expect(await resultOf(queue, id)).toMatchObject({ status: "completed", attempts: 1 });
    expect(namesOf(told)).not.toContain("lost");
  });

  test("or only freezes for longer than its lease does not look for lost jobs until the renewal is answered", async () => {
    const { queue, clock, store } = scene({ lease: "30s", concurrency: 1, isDurable: true });
    const { task, runs } = controlled(queue);
    await task.enqueue(1);
    await clock.advance("10s");
    const renewal = heldBack({ isBefore: true });
    store.on("heartbeat", renewal.fault);
    const { claim } = store.calls;
    clock.set(clock.now() + 45_000);
    await clock.drain({ timeout: 0 }).catch(() => {});
    await turns();
    expect(renewal.waiting).toBe(1);
    expect(store.calls.claim).toBe(claim);
    renewal.release();
    await clock.advance(0);
    expect(store.calls.claim).toBe(claim + 1);
    nth(runs, 0).complete();
  });

  test("loses its job even while all other workers are busy, and whatever is to run again waits for a slot", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s", concurrency: 1 });
    const [there, here] = [controlled(a.queue, { maxRetries: 0 }), controlled(b.queue)];
    const busy = background({ queue: b.queue }, async function busyFor(ms: number) {
      await new Promise<void>((resolve) => clock.after(ms, resolve));
    });
    await clock.advance(0);
    const longJob = await busy.enqueue(3_600_000);
    await clock.advance(0);
    const hopeless = await a.queue.enqueue("controlled", 1, { maxRetries: 0 });
    await a.clock.advance(0);
    expect(there.runs).toHaveLength(1);
    freeze(a);
    await clock.advance("29s");
    expect((await resultOf(b.queue, hopeless)).status).toBe("running");
    await clock.advance("3s");
    expect(await resultOf(b.queue, hopeless)).toMatchObject({
      status: "failed",
      error: expect.stringContaining("was lost"),
    });
    expect((await resultOf(b.queue, longJob)).status).toBe("running");
    expect(here.runs).toHaveLength(0);
  });

  test("and comes back when another worker has its job changes nothing, and learns of the loss", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const [there, here] = [controlled(a.queue), controlled(b.queue)];
    const toldA = eventsOf(a.queue);
    const holdB = b.store.on("claim", async () => ({ jobs: [], nextDueMs: null }));
    const jobId = await a.queue.enqueue("controlled", 0);
    await a.clock.advance(0);
    const frozen = freeze(a);
    holdB();
    await clock.advance("32s");
    expect(here.runs).toHaveLength(1);
    // It wakes, believing that the job is its own, and ends it at once.
    nth(there.runs, 0).complete("zombie");
    await turns();
    frozen.release();
    a.store.heal();
    await a.clock.drain();
    expect((await resultOf(b.queue, jobId)).status).toBe("running");
    expect(namesOf(toldA)).toEqual(["enqueued", "started", "lost"]);
    nth(here.runs, 0).complete("owner");
    await clock.drain();
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "completed", result: "owner" });
  });

  test("and has already reported its job as lost does not report it again when its handler ends", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s", grace: "5m" });
    const [there, here] = [controlled(a.queue), controlled(b.queue)];
    const toldA = eventsOf(a.queue);
    const holdB = b.store.on("claim", async () => ({ jobs: [], nextDueMs: null }));
    await a.queue.enqueue("controlled", 0);
    await a.clock.advance(0);
    for (const method of ["claim", "heartbeat"] as const) a.store.on(method, rejects());
    holdB();
    await a.clock.advance("28s");
    expect(namesOf(toldA)).toContain("lost");
    await clock.advance("32s");
    expect(here.runs).toHaveLength(1);
    a.store.heal();
    nth(there.runs, 0).complete("zombie");
    await a.clock.drain();
    expect(a.store.calls.settle).toBe(1);
    expect(namesOf(toldA).filter((name) => name === "lost")).toHaveLength(1);
  });

  test("and comes back with a failure, progress and log lines leaves no trace of them", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const [there, here] = [controlled(a.queue), controlled(b.queue)];
    const holdB = b.store.on("claim", async () => ({ jobs: [], nextDueMs: null }));
    const jobId = await a.queue.enqueue("controlled", 0);
    await a.clock.advance(0);
    const frozen = freeze(a);
    holdB();
    await clock.advance("32s");
    nth(there.runs, 0).job.progress(0.9);
    nth(there.runs, 0).job.log("from the dead");
    nth(there.runs, 0).fail(new Error("from the dead"));
    await turns();
    frozen.release();
    a.store.heal();
    await a.clock.advance(0);
    const details = await b.queue.getDetails(jobId);
    expect(details).toMatchObject({ status: "running", progress: null, logs: [] });
    expect(details?.errors).toHaveLength(1);
    nth(here.runs, 0).complete();
    await clock.drain();
  });

  test("three times with the same job ends that job as failed, whatever maxRetries says", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const poison = background({ queue: a.queue, name: "poison", maxRetries: 100 }, () => new Promise(() => {}));
    // It has no such task, but finds its lost jobs.
    controlled(b.queue);
    const told = eventsOf(b.queue);
    const jobId = await poison.enqueue();
    for (let loss = 1; loss <= 3; loss++) {
      await a.clock.advance(0);
      expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "running", attempts: loss });
      await clock.advance("32s");
    }
    const job = await resultOf(b.queue, jobId);
    expect(job).toMatchObject({ status: "failed", attempts: 3 });
    expect(job.error).toMatch(/loss 3, so the job most likely kills its workers/);
    expect(namesOf(told)).toEqual(["lost", "retrying", "lost", "retrying", "lost", "failed"]);
    expect(told.flatMap(({ event }) => ("durationMs" in event ? event.durationMs : []))).toEqual(Array(3).fill(30_000));
  });

  test("during a job's last attempt ends that job as failed", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const once = background({ queue: a.queue, name: "once", maxRetries: 0 }, () => new Promise(() => {}));
    controlled(b.queue);
    const jobId = await once.enqueue();
    await a.clock.advance(0);
    await clock.advance("32s");
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "failed", attempts: 1 });
  });

  test("leaves its job to another, which still waits for its own handlers when it stops", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    controlled(a.queue, { name: "lost", maxRetries: 0 });
    const { task, runs } = controlled(b.queue);
    const lost = await a.queue.enqueue("lost", 0);
    await a.clock.advance(0);
    freeze(a);
    await clock.advance("32s");
    expect((await resultOf(b.queue, lost)).status).toBe("failed");
    const jobId = await task.enqueue(1);
    await clock.advance(0);
    const stopping = b.queue.stop();
    await turns();
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    nth(runs, 0).complete("in time");
    await stopping;
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "completed", result: "in time" });
  });

  test("renews the leases of its other jobs, but not that of the one that is to count as lost", async () => {
    const { queue, clock } = scene({ lease: "30s" });
    const { task, runs } = controlled(queue);
    const [culprit, other] = (await task.enqueueMany([0, 1])) as [string, string];
    await clock.advance(0);
    // As by a task that is called within the job.
    loseJob(new PartOfJob(nth(runs, 0).job, "part"));
    nth(runs, 0).fail(new Error("crash"));
    await clock.advance("45s");
    expect(await queue.getDetails(culprit)).toMatchObject({ losses: 1, attempts: 2 });
    expect(await queue.getDetails(other)).toMatchObject({ losses: 0, attempts: 1 });
    for (const run of runs) run.complete();
  });

  test("loses its jobs no faster than the store accepts their settlements", async () => {
    const clock = new ManualClock();
    const on = new MemoryStore({ clock });
    const a = scene({ lease: "30s", isDurable: true, concurrency: 350, clock: new ManualClock(), on });
    const b = scene({ lease: "30s", isDurable: true, concurrency: 1, clock, on });
    const lost = controlled(a.queue, { name: "lost" }).task;
    const { task } = controlled(b.queue);
    await lost.enqueueMany(Array.from({ length: 350 }));
    await a.clock.advance(0);
    await task.enqueue(0);
    await clock.advance(0);
    freeze(a);
    const heard = eventsOf(b.queue);
    b.store.on("settle", rejects());
    await clock.advance("2m");
    expect(heard.filter(({ name }) => name === "lost")).toHaveLength(100);
    b.store.heal();
    await clock.advance("30s");
    expect(heard.filter(({ name }) => name === "lost")).toHaveLength(350);
    expect((await b.queue.counts()).byStatus).toMatchObject({ running: 1, pending: 350 });
  });

  test("with many jobs loses all of them within the lease and a few seconds", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s", concurrency: 500 });
    const { task } = controlled(a.queue, { name: "lost" });
    controlled(b.queue);
    await task.enqueueMany(Array.from({ length: 500 }));
    await a.clock.advance(0);
    expect((await b.queue.counts()).byStatus.running).toBe(500);
    freeze(a);
    const heard = eventsOf(b.queue);
    await clock.advance("32s");
    expect(heard.filter(({ name }) => name === "lost")).toHaveLength(500);
    expect((await b.queue.counts()).byStatus).toMatchObject({ running: 0, pending: 500 });
  });
});

/** A process that freezes after sending a heartbeat, until the lease has almost expired, with the reply unread. */
async function standstill() {
  const { queue, clock, store } = scene({ lease: "30s" });
  const told = eventsOf(queue);
  const { task, runs } = controlled(queue);
  const jobId = await task.enqueue(0);
  await clock.advance(0);
  const answers = heldBack();
  store.on("heartbeat", answers.fault);
  await advanceUnanswered(clock, 10_000);
  expect(answers.waiting).toBe(1);
  clock.set(clock.now() + 27_000);
  const readAnswer = () => {
    store.heal();
    answers.release();
  };
  return { queue, clock, told, task, runs, jobId, readAnswer };
}

describe("a worker that slept through its lease", () => {
  test("renews before it claims, and so keeps its own jobs", async () => {
    const { queue, clock } = scene({ lease: "30s" });
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    clock.set(clock.now() + 10 * 60_000);
    await task.enqueue(1);
    await clock.advance(0);
    expect(runs.map((run) => run.payload)).toEqual([0, 1]);
    nth(runs, 0).complete("kept");
    await clock.advance(0);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "kept", attempts: 1 });
    expect(namesOf(told)).not.toContain("lost");
  });

  test("or only through half of it renews before it claims", async () => {
    const { task, clock, store } = await runningJob({ lease: "30s" });
    const calls: string[] = [];
    for (const method of ["heartbeat", "claim"] as const)
      store.on(method, (call) => {
        calls.push(method);
        return call();
      });
    clock.set(clock.now() + 15_000);
    await task.enqueue(1);
    await turns();
    expect(calls.slice(0, 2)).toEqual(["heartbeat", "claim"]);
  });

  test("reads the replies that came meanwhile before it gives its jobs up as lost", async () => {
    const { queue, clock, told, runs, jobId, readAnswer } = await standstill();
    await advanceUnanswered(clock, 100);
    readAnswer();
    await clock.advance(0);
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    nth(runs, 0).complete("kept");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "kept", attempts: 1 });
    expect(namesOf(told)).not.toContain("lost");
  });

  test("allows for the age of a reply that it reads late, and keeps its jobs", async () => {
    const { clock, told, task, runs, readAnswer } = await standstill();
    readAnswer();
    await turns();
    // The lease that the reply renewed is over, although the reply was read only five seconds ago.
    clock.set(clock.now() + 5_000);
    await task.enqueue(1);
    await clock.advance(0);
    expect(runs.map((run) => run.payload)).toEqual([0, 1]);
    expect(namesOf(told)).not.toContain("lost");
  });

  test("by the store's clock alone aborts its handler's signal when it finds its own job lost", async () => {
    const storeClock = new ManualClock();
    const on = new MemoryStore({ clock: storeClock });
    const { queue, clock } = scene({ lease: "30s", isDurable: true, clock: new ManualClock(), on });
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    storeClock.set(storeClock.now() + 3_600_000);
    await clock.advance("1s");
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "lease_lost", jobId });
    nth(runs, 0).complete("too late");
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "failed", errors: [{ code: "worker_lost" }] });
    expect(namesOf(told)).toEqual(["enqueued", "started", "lost", "lost", "failed"]);
  });

  test("and whose job, ended here but not settled yet, another worker has taken goes on claiming without further errors", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s", concurrency: 1 });
    const [here, there] = [controlled(a.queue, { name: "one" }), controlled(a.queue, { name: "two" })];
    await here.task.enqueue(0);
    await a.clock.advance(0);
    a.store.on("settle", rejects());
    nth(here.runs, 0).complete("late");
    await turns();
    const taken = controlled(b.queue, { name: "one" });
    await clock.advance("32s");
    expect(taken.runs).toHaveLength(1);
    a.clock.set(clock.now());
    await there.task.enqueue(1);
    await a.clock.advance(0);
    expect(there.runs).toHaveLength(1);
    expect(new Set(a.errors)).toEqual(new Set([away]));
  });

  test("does not start jobs that it was given before: another worker may have run them meanwhile", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const [there, here] = [controlled(a.queue), controlled(b.queue)];
    const toldA = eventsOf(a.queue);
    const holdB = b.store.on("claim", async () => ({ jobs: [], nextDueMs: null }));
    const answers = heldBack();
    a.store.on("claim", answers.fault);
    const jobId = await a.queue.enqueue("controlled", 0);
    await vi.waitUntil(async () => (await resultOf(b.queue, jobId)).status === "running", 15_000);
    holdB();
    await clock.advance("32s");
    nth(here.runs, 0).complete("here");
    await clock.drain();
    a.clock.set(a.clock.now() + 32_000);
    a.store.heal();
    answers.release();
    await a.clock.drain();
    expect(there.runs).toEqual([]);
    expect(namesOf(toldA)).toEqual(["enqueued", "error"]);
    expect(a.errors).toMatchObject([{ code: "lease_lost", jobId }]);
    expect(await resultOf(b.queue, jobId)).toMatchObject({ status: "completed", result: "here", attempts: 2 });
  });

  test("claims again a job that it was given before, if nobody has taken it since", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { task, runs } = controlled(queue, { maxRetries: 0 });
    const answers = heldBack();
    store.on("claim", answers.fault);
    const jobId = await task.enqueue(0);
    await vi.waitUntil(async () => (await resultOf(queue, jobId)).status === "running", 15_000);
    clock.set(clock.now() + 60_000);
    store.heal();
    answers.release();
    await clock.advance(0);
    nth(runs, 0).complete("late, and fine");
    await clock.drain();
    expect(runs).toHaveLength(1);
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "late, and fine", attempts: 1 });
  });

  test("and whose job nobody has taken since may still settle it", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob({ lease: "30s" });
    const frozen = heldBack({ isBefore: true });
    for (const method of ["claim", "heartbeat"] as const) store.on(method, frozen.fault);
    clock.set(clock.now() + 60_000);
    nth(runs, 0).complete("late, and fine");
    await turns();
    frozen.release();
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", result: "late, and fine", attempts: 1 });
  });
});

describe("heartbeats", () => {
  test("that are late because a handler blocked the event loop report it and name the jobs; those in time, or without jobs, do not", async () => {
    const { queue, clock, errors } = scene({ lease: "30s" });
    const { task, runs } = controlled(queue);
    const standStill = async (ms: number) => {
      clock.set(clock.now() + ms);
      await clock.advance(0);
    };
    await clock.advance("5m");
    await standStill(60_000);
    const ids = (await task.enqueueMany(Array.from({ length: 7 }))) as string[];
    await clock.advance("5m");
    await standStill(15_000);
    expect(errors).toEqual([]);
    await clock.advance("1m");
    await standStill(25_000);
    expect(errors).toHaveLength(1);
    const { code, message } = errors[0] as JobError;
    expect(code).toBe("event_loop_blocked");
    expect(Number(/for (\d+) ms/.exec(message)?.[1])).toBeGreaterThan(10_000);
    for (const id of ids.slice(0, 5)) expect(message).toContain(`controlled (${id})`);
    expect(message).toContain("and 2 more");
    for (const run of runs) run.complete();
  });

  test("that are late name one job of each task first, since the culprit may be the only one of its task", async () => {
    const { queue, clock, errors } = scene({ lease: "30s" });
    const { task, runs } = controlled(queue);
    const culprit = controlled(queue, { name: "culprit" });
    await task.enqueueMany(Array.from({ length: 7 }));
    await clock.advance(0);
    const id = await culprit.task.enqueue();
    await clock.advance("1m");
    clock.set(clock.now() + 25_000);
    await clock.advance(0);
    expect((errors[0] as JobError).message).toMatch(new RegExp(`controlled \\(.*culprit \\(${id}\\).* and 3 more`));
    for (const run of [...runs, ...culprit.runs]) run.complete();
  });

  test("keep a long job's lease for as long as it runs, with one call for all jobs", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s", concurrency: 20 });
    const { task, runs } = controlled(b.queue);
    controlled(a.queue, { name: "other" });
    await task.enqueueMany(Array.from({ length: 20 }));
    await clock.advance(0);
    const before = b.store.calls.heartbeat;
    await clock.advance("10m");
    expect(b.store.calls.heartbeat - before).toBeLessThanOrEqual(61);
    expect(runs).toHaveLength(20);
    expect(runs.every(({ job }) => !job.signal.aborted)).toBe(true);
  });

  test("carry at most a megabyte of reports per call; reports of a call that fails go with the next", async () => {
    const { queue, clock, store } = scene({ lease: "30s", concurrency: 5, isDurable: true });
    const { task, runs } = controlled(queue);
    const ids = await task.enqueueMany(Array.from({ length: 5 }));
    await clock.advance(0);
    const carried: number[] = [];
    store.on("heartbeat", (call, [request]) => {
      const logs = (request as HeartbeatRequest).beats.flatMap(({ patch }) => patch?.logs ?? []);
      if (logs.length === 0) return call();
      return carried.push(logs.join("").length) === 2 ? Promise.reject(away) : call();
    });
    const lines = Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(4_000, "."));
    for (const { job } of runs) for (const line of lines) job.log(line);
    await clock.advance("10s");
    await clock.advance("20s");
    // Two of five times 400,000 fit into a call; the second call failed, so that three were left.
    expect(carried).toEqual([800_000, 800_000, 800_000, 400_000]);
    for (const id of ids) expect((await queue.getDetails(id))?.logs).toEqual(lines);
    expect(runs.every(({ job }) => !job.signal.aborted)).toBe(true);
  });

  test("renew all leases in between while they carry reports for longer than a lease lasts", async () => {
    const { queue, clock, store } = scene({ lease: "30s", concurrency: 6, isDurable: true });
    const { task, runs } = controlled(queue);
    const ids = await task.enqueueMany(Array.from({ length: 6 }));
    await clock.advance(0);
    store.on("heartbeat", async (call, [request]) => {
      const isLong = (request as HeartbeatRequest).beats.some(({ patch }) => (patch?.logs.length ?? 0) > 0);
      // As on a slow network.
      if (isLong) await new Promise<void>((resolve) => void clock.after(6_000, resolve));
      return call();
    });
    const line = ".".repeat(4_000);
    for (const { job } of runs) for (let n = 0; n < 200; n++) job.log(line);
    await advanceUnanswered(clock, 60_000);
    expect(runs).toHaveLength(6);
    expect(runs.every(({ job }) => !job.signal.aborted)).toBe(true);
    for (const id of ids) expect((await queue.getDetails(id))?.logs).toHaveLength(200);
  });

  test("renew all leases before they carry reports, of which some may fail", async () => {
    const { queue, clock, store } = scene({ lease: "30s", concurrency: 10, isDurable: true });
    const { task, runs } = controlled(queue);
    await task.enqueueMany(Array.from({ length: 10 }));
    await clock.advance(0);
    let long = 0;
    store.on("heartbeat", async (call, [request]) => {
      const isLong = (request as HeartbeatRequest).beats.some(({ patch }) => (patch?.logs.length ?? 0) > 0);
      if (!isLong) return call();
      long++;
      await new Promise<void>((resolve) => void clock.after(2_000, resolve));
      return long % 4 === 0 ? Promise.reject(away) : call();
    });
    const line = ".".repeat(4_000);
    for (const { job } of runs) for (let n = 0; n < 200; n++) job.log(line);
    await advanceUnanswered(clock, 60_000);
    expect(runs.every(({ job }) => !job.signal.aborted)).toBe(true);
    expect(long).toBe(13);
    for (const run of runs) run.complete();
  });

  test("go on every third of the lease even if the clock is set back while one is in flight", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { answer, runs } = await unansweredBeat({ queue, clock, store });
    clock.set(clock.now() - 3_600_000);
    answer.release();
    await turns();
    const before = store.calls.heartbeat;
    await clock.advance("1m");
    expect(store.calls.heartbeat - before).toBe(6);
    nth(runs, 0).complete();
  });

  test("are sent a third of the lease after the previous one was sent, however late that was answered", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { answer } = await unansweredBeat({ queue, clock, store });
    await advanceUnanswered(clock, 5_000);
    answer.release();
    await turns();
    const before = store.calls.heartbeat;
    await clock.advance("4s");
    expect(store.calls.heartbeat - before).toBe(0);
    await clock.advance("1s");
    expect(store.calls.heartbeat - before).toBe(1);
  });

  test("in flight keep the clock from coming to rest, as what they learn happens at this time", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { answer } = await unansweredBeat({ queue, clock, store });
    const atRest = vi.fn();
    const advanced = clock.advance(0).then(atRest);
    await turns(20);
    expect(atRest).not.toHaveBeenCalled();
    answer.release();
    await advanced;
  });

  test("are watched until they are answered, and no longer", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { answer } = await unansweredBeat({ queue, clock, store });
    const timers = vi.spyOn(clock, "after");
    await advanceUnanswered(clock, 2_500);
    expect(timers.mock.calls.map(([delayMs]) => delayMs)).toContain(2_500);
    // Announced with another, right after this one.
    controlled(queue, { name: "another" });
    answer.release();
    await turns();
    timers.mockClear();
    await clock.advance("5s");
    expect(timers.mock.calls.map(([delayMs]) => delayMs)).not.toContain(2_500);
  });

  test("are not sent on account of a cancel that comes when the attempt has ended: its settlement learns of it", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const { task, runs } = controlled(b.queue);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    const settlement = heldBack({ isBefore: true });
    b.store.on("settle", settlement.fault);
    nth(runs, 0).complete();
    await turns();
    const before = b.store.calls.heartbeat;
    expect(await a.queue.cancel(jobId)).toBe(true);
    await turns();
    expect(b.store.calls.heartbeat - before).toBe(0);
    settlement.release();
    await clock.advance(0);
    expect((await resultOf(b.queue, jobId)).status).toBe("cancelled");
  });

  test("do not hold up a job's settlement, unless they carry its reports", async () => {
    const { queue, clock, store } = scene({ lease: "30s" });
    const { answer, runs, jobId } = await unansweredBeat({ queue, clock, store });
    nth(runs, 0).complete();
    await turns();
    expect((await resultOf(queue, jobId)).status).toBe("completed");
    answer.release();
  });

  test("that are answered after the worker has stopped are its last: it does not come back to life", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s" });
    const { answer, runs } = await unansweredBeat(b);
    nth(runs, 0).complete();
    await b.queue.stop();
    const timers = vi.spyOn(clock, "after");
    await clock.advance("1m");
    expect(timers.mock.calls.map(([delayMs]) => delayMs)).not.toContain(2_500);
    answer.release();
    await turns();
    const before = b.store.calls.heartbeat;
    await clock.advance("1m");
    expect(b.store.calls.heartbeat - before).toBe(0);
    expect((await a.queue.health()).workers).toEqual([]);
  });

  test("reach the store before the worker leaves, or not at all: it does not come back to life", async () => {
    const { a, b } = twoWorkers({ lease: "30s" });
    controlled(b.queue, { name: "one" });
    const first = heldBack({ isBefore: true });
    b.store.on("heartbeat", first.fault, 1);
    await turns();
    expect(first.waiting).toBe(1);
    // Announced with the next heartbeat.
    controlled(b.queue, { name: "two" });
    const stopped = b.queue.stop();
    await turns();
    first.release();
    await stopped;
    expect((await a.queue.health()).workers).toEqual([]);
    expect(b.store.calls.heartbeat).toBe(2);
  });

  test("show an idle worker as alive, with all of its tasks, and a stopped one not at all", async () => {
    const { a, b, clock } = twoWorkers({ lease: "30s", concurrency: 3 });
    controlled(b.queue, { name: "one" });
    await clock.advance("10m");
    // Announced at once.
    controlled(b.queue, { name: "two" });
    await clock.advance(0);
    const { workers } = await a.queue.health();
    expect(workers).toEqual([
      expect.objectContaining({ tasks: ["one", "two"], slots: 3, version: expect.any(String) }),
    ]);
    await b.queue.stop();
    expect((await a.queue.health()).workers).toEqual([]);
  });

  test("announce a task at once, also if it is added in the very moment in which another heartbeat ends", async () => {
    for (let steps = 0; steps < 12; steps++) {
      const { queue, clock, store } = scene({ lease: "30s" });
      controlled(queue, { name: "one" });
      await clock.advance(0);
      const addLater = async () => {
        for (let step = 0; step < steps; step++) await null;
        controlled(queue, { name: "two" });
      };
      let announced: readonly string[] = [];
      store.on("heartbeat", async (call, [request]) => {
        announced = (request as HeartbeatRequest).worker.tasks;
        const answer = await call();
        if (announced.length === 1) void addLater();
        return answer;
      });
      await clock.advance("10s");
      expect(announced, `added ${steps} steps after the answer`).toEqual(["one", "two"]);
    }
  });

  test.each([
    ["fail", rejects()],
    ["are never answered", hangs()],
  ])("that %s make the worker give its lease up after five sixths of it, before the store does", async (_, fault) => {
    const { queue, clock, store } = scene({ lease: "30s", grace: "5m" });
    const told = eventsOf(queue);
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    store.on("heartbeat", fault);
    store.on("claim", rejects());
    const { signal } = nth(runs, 0).job;
    await advanceUnanswered(clock, 24_900);
    expect(signal.aborted).toBe(false);
    // Checked every twelfth of the lease.
    await advanceUnanswered(clock, 2_600);
    expect(signal.reason).toMatchObject({ code: "lease_lost", jobId, task: "controlled" });
    await advanceUnanswered(clock, 60_000);
    expect(told.filter(({ name }) => name === "lost")).toHaveLength(1);
  });

  test("that fail for a while and succeed again in time cost nothing", async () => {
    const { queue, clock, store, runs, jobId } = await runningJob({ lease: "30s" });
    store.on("heartbeat", rejects());
    await clock.advance("20s");
    store.heal();
    await clock.advance("5m");
    expect(nth(runs, 0).job.signal.aborted).toBe(false);
    nth(runs, 0).complete();
    await clock.drain();
    expect(await resultOf(queue, jobId)).toMatchObject({ status: "completed", attempts: 1 });
  });

  test("that succeed again when the lease was given up do not renew it, even if its handler goes on", async () => {
    const { queue, clock, store } = scene({ lease: "30s", grace: "5m" });
    const { task, runs } = controlled(queue);
    const jobId = await task.enqueue(0);
    await clock.advance(0);
    for (const method of ["claim", "heartbeat"] as const) store.on(method, rejects());
    await clock.advance("28s");
    expect(nth(runs, 0).job.signal.reason).toMatchObject({ code: "lease_lost" });
    store.heal();
    await clock.advance("15s");
    expect(await queue.getDetails(jobId)).toMatchObject({ losses: 1, attempts: 2 });
    for (const run of runs) run.complete();
  });

  test("that never succeed again: a handler that throws because of it settles nothing, but one that completes does", async () => {
    const { queue, clock, store } = scene({ lease: "30s", grace: "5m" });
    const { task, runs } = controlled(queue);
    const [throws, completes] = (await task.enqueueMany([0, 1])) as [string, string];
    await clock.advance(0);
    store.on("heartbeat", rejects());
    store.on("claim", rejects());
    await clock.advance("28s");
    nth(runs, 0).fail(nth(runs, 0).job.signal.reason);
    nth(runs, 1).complete("finished anyway");
    await clock.advance(0);
    expect(await resultOf(queue, throws)).toMatchObject({ status: "running", errors: [] });
    expect(await resultOf(queue, completes)).toMatchObject({ status: "completed", result: "finished anyway" });
    store.heal();
    await clock.advance("1m");
    expect(nth(runs, 2)).toMatchObject({ payload: 0, job: { attempt: 2 } });
    nth(runs, 2).complete();
    await clock.drain();
    expect((await queue.getDetails(throws))?.losses).toBe(1);
  });
});

/** A running job, and the heartbeat in flight that renews its lease. */
async function unansweredBeat({ queue, clock, store }: Pick<Scene, "queue" | "clock" | "store">) {
  const { task, runs } = controlled(queue);
  const jobId = await task.enqueue(0);
  await clock.advance(0);
  const answer = heldBack();
  store.on("heartbeat", answer.fault, 1);
  await advanceUnanswered(clock, 10_000);
  expect(answer.waiting).toBe(1);
  return { runs, jobId, answer };
}

/** Moves the clock while the store leaves a call unanswered, which keeps the queue from ever coming to rest. */
async function advanceUnanswered(clock: Scene["clock"], ms: number): Promise<void> {
  const step = 100;
  for (let moved = 0; moved < ms; moved += step) {
    clock.set(clock.now() + step);
    await clock.drain({ timeout: 0 }).catch(() => {});
  }
}
