import { setTimeout as pause } from "node:timers/promises";
import { background, type JobDetails, type JobQueue, newJobId, RedisQueue } from "rapidai/background";
import { describe, expect, onTestFinished, test } from "vitest";
import { indexFaults } from "../../../redis/indexes.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { type Fault, TcpProxy } from "../../../redis/tcp-proxy.ts";
import { rounds } from "../../../rounds.ts";

/** How often the network of a worker or the producer breaks. */
const BREAKS: number = rounds(12);
const FAULTS: readonly Fault[] = ["late", "silent", "reset", "cut"];
/** Longer than the whole test takes, so that a job which waits for its lease to expire fails it. */
const LEASE = "10m";
const WORKERS = 3;
const TASKS = ["one", "two", "one-at-a-time"];

interface Payload {
  readonly takesMs: number;
  readonly failures: number;
}

interface Run {
  readonly attempt: number;
  readonly startedAt: number;
  endedAt: number;
  /** It was told to stop, by a cancel or because its worker stops and hands the job back. */
  isStopped: boolean;
}

const below = (most: number): number => Math.floor(Math.random() * most);
const oneOf = <T>(all: readonly T[]): T => all[below(all.length)] as T;

/** Repeats a call until it succeeds, as a program would that must not lose jobs: the same ids mean the same jobs. */
async function accepted(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await call();
      return;
    } catch (error) {
      expect(error).toMatchObject({ code: "queue_unavailable" });
    }
  }
}

describe.skipIf(isWithoutRedis)("workers and producers whose networks break all the time", () => {
  const redis = ownRedis();

  test(`${BREAKS} times, lose no job, run none twice at once and leave no keys that belong to no job`, {
    timeout: 90_000 + 2_000 * BREAKS,
  }, async () => {
    const runs = new Map<string, Run[]>();
    const proxies: TcpProxy[] = [];
    const open = async (isWorker: boolean): Promise<JobQueue> => {
      const proxy = await TcpProxy.before(redis.port);
      onTestFinished(() => proxy.close());
      proxies.push(proxy);
      const queue = new RedisQueue({
        url: proxy.url,
        prefix: "storm:",
        worker: isWorker,
        lease: LEASE,
        concurrency: 6,
      });
      onTestFinished(() => queue.close({ grace: 0 }));
      queue.on("error", () => {});
      if (isWorker) for (const name of TASKS) addTask(queue, name, runs);
      return queue;
    };
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => open(true)));
    const producer = await open(false);
    const jobs: string[] = [];
    const touched = new Set<string>();
    let isOver = false;

    async function produce(): Promise<void> {
      while (!isOver) {
        const ids = Array.from({ length: 1 + below(5) }, newJobId);
        const payloads = ids.map((): Payload => ({ takesMs: below(3) * below(30), failures: below(5) === 0 ? 1 : 0 }));
        const delay = below(4) === 0 ? below(500) : 0;
        const task = oneOf(TASKS);
        await accepted(() => producer.enqueueMany(task, payloads, { ids, delay }));
        jobs.push(...ids);
        await pause(below(20));
      }
    }

    async function interfere(): Promise<void> {
      while (!isOver) {
        await pause(30);
        const id = jobs.at(-1 - below(10));
        if (id === undefined) continue;
        touched.add(id);
        await oneOf([...workers, producer])
          .cancel(id)
          .catch(() => {});
        await producer.retry(id).catch(() => {});
      }
    }

    async function restart(): Promise<void> {
      while (!isOver) {
        await pause(500 + below(500));
        const worker = oneOf(workers);
        await worker.stop({ grace: below(2) * 200 });
        await worker.start().catch(() => {});
      }
    }

    async function breakNetworks(): Promise<void> {
      // Where the producer's network falls silent twice, hardly a job is accepted meanwhile.
      for (let number = 0; number < BREAKS || jobs.length <= BREAKS; number++) {
        const proxy = oneOf(proxies);
        proxy.set(oneOf(FAULTS));
        await pause(50 + below(300));
        proxy.set("none");
        await pause(below(200));
      }
      isOver = true;
    }

    await Promise.all([produce(), produce(), interfere(), restart(), breakNetworks()]);
    for (const worker of workers) await accepted(() => worker.start());
    await expect
      .poll(() => producer.counts().then(({ byStatus }) => byStatus.pending + byStatus.running), { timeout: 30_000 })
      .toBe(0);

    for (const id of jobs) {
      const job = (await producer.getDetails(id)) as JobDetails;
      expect(job).toMatchObject({ isDone: true, losses: 0 });
      if (!touched.has(id)) expectOneAfterAnother(job, runs.get(id) ?? []);
    }
    await Promise.all(workers.map((worker) => worker.close()));
    expect(await indexFaults(redis.url)).toEqual({ queues: 1, faults: [] });
  });
});

function addTask(queue: JobQueue, name: string, runs: Map<string, Run[]>): void {
  const concurrency = name === "one-at-a-time" ? 1 : undefined;
  background({ queue, name, concurrency, maxRetries: 2, backoff: () => below(100) }, async (payload: Payload, job) => {
    const run: Run = { attempt: job.attempt, startedAt: performance.now(), endedAt: Infinity, isStopped: false };
    runs.set(job.id, [...(runs.get(job.id) ?? []), run]);
    job.signal.addEventListener("abort", () => {
      run.isStopped = true;
    });
    if (payload.takesMs > 0) await pause(payload.takesMs);
    run.endedAt = performance.now();
    if (job.attempt <= payload.failures) throw new Error("planned");
    return job.attempt;
  });
}

/** Its attempts ran in order, each once and each after the previous one had ended, unless that was told to stop. */
function expectOneAfterAnother(job: JobDetails, runs: readonly Run[]): void {
  expect(job).toMatchObject({ status: "completed", result: job.attempts });
  const attempts = new Set(runs.map(({ attempt }) => attempt));
  expect([...attempts]).toEqual(Array.from({ length: job.attempts }, (_, at) => at + 1));
  for (const [at, run] of runs.entries()) {
    const before = runs[at - 1];
    if (before === undefined || before.isStopped) continue;
    expect(run.attempt).toBe(before.attempt + 1);
    expect(run.startedAt).toBeGreaterThanOrEqual(before.endedAt);
  }
}
