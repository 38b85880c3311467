import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { background, RedisQueue } from "rapidai/background";
import { createClient } from "redis";
import { type RedisProcess, startRedis } from "../test/redis/server.ts";
import { printPages } from "./listing.ts";
import { addOneBare } from "./peers/bare-redis.ts";
import { bullEvents, bullQueue } from "./peers/bullmq.ts";
import { dismiss, drain, fill, flush, LABELS, type Name, worker } from "./peers/redis.ts";
import { ms, ratio, spread, table } from "./report.ts";
import { byTurns, quantile, type Spread, spreadOf } from "./rounds.ts";
import { inLanes, type Payload, payloads } from "./workload.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);

/** The queue in Redis: how soon a job starts, how much memory it takes, and the effect of many jobs. */
export async function redisScale(): Promise<void> {
  const server = await startRedis();
  try {
    await starts(server);
    await roundTrips(server);
    await effort(server);
    await bytes(server);
    await backlog(server);
    await million(server);
  } finally {
    await server.stop();
  }
}

/** From the call of `enqueue` to the handler's first statement, in an idle worker process. */
async function starts(server: RedisProcess): Promise<void> {
  const { url } = server;
  const producers: Readonly<Record<Name, () => Promise<{ add(n: number): Promise<unknown>; close(): unknown }>>> = {
    async rapidai() {
      const queue = new RedisQueue({ url, worker: false });
      await queue.ready();
      return { add: () => queue.enqueue("noop", {}), close: () => queue.close() };
    },
    async bullmq() {
      const queue = bullQueue(url);
      await queue.waitUntilReady();
      return { add: () => queue.add("noop", {}), close: () => queue.close() };
    },
    async bare() {
      const { add, close } = await addOneBare(url);
      return { add: (n) => add(String(n)), close };
    },
  };
  const tails: Readonly<Record<Name, number[]>> = { rapidai: [], bullmq: [], bare: [] };
  const one = (name: Name) => async () => {
    const child = await worker(url, name, "stamp");
    child.send("go");
    const { add, close } = await producers[name]();
    await pause(200);
    const times: number[] = [];
    for (let job = 0; job < 220; job++) {
      const startedAt = begin(child);
      const calledAt = Number(process.hrtime.bigint());
      await add(job);
      times.push(((await startedAt) - calledAt) / 1e6);
      await pause(3);
    }
    await close();
    await dismiss(child);
    await flush(url);
    const sorted = times.slice(20).sort((a, b) => a - b);
    tails[name].push(quantile(sorted, 0.95));
    return quantile(sorted, 0.5);
  };
  const figures = await byTurns({ rapidai: one("rapidai"), bullmq: one("bullmq"), bare: one("bare") }, ROUNDS);
  console.log(`\n## Enqueue to start in an idle worker process, p50, ${ROUNDS} alternating rounds of 200\n`);
  table(
    ["", "median (range)", "vs. BullMQ", "p95, median"],
    (Object.entries(figures) as [Name, Spread][]).map(([name, figure]) => [
      LABELS[name],
      spread(figure, ms),
      ratio(figure, figures.bullmq),
      ms(spreadOf(tails[name]).median),
    ]),
  );
}

async function begin(child: ChildProcess): Promise<number> {
  const [stamp] = await once(child, "message");
  return stamp as number;
}

/** Enqueues a job and waits for its result, one at a time and a hundred at a time, with the worker in another process. */
async function roundTrips(server: RedisProcess): Promise<void> {
  const { url } = server;
  type Call = (job: Payload) => Promise<unknown>;
  const callers: Readonly<Record<"rapidai" | "bullmq", () => Promise<{ call: Call; close(): Promise<void> }>>> = {
    async rapidai() {
      const queue = new RedisQueue({ url, worker: false });
      await queue.ready();
      return { call: async (job) => queue.wait(await queue.enqueue("noop", job)), close: () => queue.close() };
    },
    async bullmq() {
      const queue = bullQueue(url);
      queue.setMaxListeners(0);
      const events = await bullEvents(url);
      return {
        call: async (job) => (await queue.add("noop", job)).waitUntilFinished(events),
        close: async () => {
          await events.close();
          await queue.close();
        },
      };
    },
  };
  const one = (name: "rapidai" | "bullmq", jobs: number, lanes: number) => async () => {
    const child = await worker(url, name);
    child.send("go");
    const { call, close } = await callers[name]();
    await call(payloads(1)[0] as Payload);
    const work = payloads(jobs);
    const startedAt = performance.now();
    await inLanes(work, lanes, call);
    const rate = (jobs / (performance.now() - startedAt)) * 1_000;
    await close();
    await dismiss(child);
    await flush(url);
    return rate;
  };
  const rows: string[][] = [];
  for (const [lanes, jobs] of [
    [1, 1_000],
    [100, 10_000],
  ] as const) {
    const figures = await byTurns({ rapidai: one("rapidai", jobs, lanes), bullmq: one("bullmq", jobs, lanes) }, ROUNDS);
    for (const [name, figure] of Object.entries(figures))
      rows.push([String(lanes), LABELS[name as Name], spread(figure), ratio(figure, figures.bullmq)]);
  }
  console.log(`\n## Enqueue and wait for the result, ${ROUNDS} alternating rounds\n`);
  table(["at a time", "", "jobs, median (range)", "vs. BullMQ"], rows);
}

/** Redis's CPU time for jobs that take 5 to 50 ms, a hundred at a time: unlike no-op jobs, they end one by one. */
async function effort(server: RedisProcess): Promise<void> {
  const count = 10_000;
  const jobs = payloads(count);
  const one = (name: "rapidai" | "bullmq", workers: number) => async () => {
    await fill[name](server.url, jobs);
    const before = await cpuSeconds(server.url);
    await drain(server.url, name, workers, count, "take time");
    const us = (1e6 * ((await cpuSeconds(server.url)) - before)) / count;
    await flush(server.url);
    return us;
  };
  const rows: string[][] = [];
  for (const workers of [1, 4]) {
    const figures = await byTurns({ rapidai: one("rapidai", workers), bullmq: one("bullmq", workers) }, 3);
    for (const [name, figure] of Object.entries(figures)) {
      const us = spread(figure, (value) => `${value.toFixed(0)} µs`);
      rows.push([String(workers), LABELS[name as Name], us, ratio(figure, figures.bullmq)]);
    }
  }
  console.log("\n## Redis' processor time for a job of 5 to 50 ms, 3 alternating rounds\n");
  table(["worker processes", "", "median (range)", "vs. BullMQ"], rows);
}

/** Redis's CPU time so far. */
async function cpuSeconds(url: string): Promise<number> {
  const client = await createClient({ url }).connect();
  const info = await client.info("cpu");
  client.destroy();
  return [/used_cpu_sys:([\d.]+)/, /used_cpu_user:([\d.]+)/].reduce((sum, of) => sum + Number(of.exec(info)?.[1]), 0);
}

/** How much of Redis's memory a job takes while it waits, and while it is kept as completed. */
async function bytes(server: RedisProcess): Promise<void> {
  const count = 20_000;
  const jobs = payloads(count);
  const rows: string[][] = [];
  for (const name of ["rapidai", "bullmq", "bare"] as const) {
    await flush(server.url);
    const before = await used(server.url);
    await fill[name](server.url, jobs);
    const waiting = (await used(server.url)) - before;
    await drain(server.url, name, 1, count);
    const kept = (await used(server.url)) - before;
    rows.push([LABELS[name], (waiting / count).toFixed(0), (kept / count).toFixed(0)]);
  }
  await flush(server.url);
  console.log(`\n## Bytes of Redis' memory, of ${count.toLocaleString("en")} jobs\n`);
  table(["", "a waiting job", "a kept job"], rows);
}

async function used(url: string): Promise<number> {
  const client = await createClient({ url }).connect();
  await pause(100);
  const info = await client.info("memory");
  client.destroy();
  return Number(/used_memory_dataset:(\d+)/.exec(info)?.[1]);
}

async function backlog(server: RedisProcess): Promise<void> {
  const drained = 20_000;
  const before = (waiting: number) => async () => {
    await fill.rapidai(server.url, payloads(waiting + drained));
    const rate = await drain(server.url, "rapidai", 1, drained);
    await flush(server.url);
    return rate;
  };
  const figures = await byTurns({ "1,000": before(1_000), "500,000": before(500_000) }, 3);
  console.log(`\n## Drain of ${drained.toLocaleString("en")} jobs in Redis before a backlog, 3 alternating rounds\n`);
  table(
    ["jobs left waiting", "jobs, median (range)", "vs. the first"],
    Object.entries(figures).map(([name, figure]) => [name, spread(figure), ratio(figure, figures["1,000"])]),
  );
}

/** Listings and cancellations among a million jobs, a tenth of them completed. */
async function million(server: RedisProcess): Promise<void> {
  const kept = 100_000;
  const queue = new RedisQueue({ url: server.url, worker: false });
  const task = background({ queue, name: "noop" }, async (_payload: Payload): Promise<void> => {});
  const jobs = payloads(kept);
  await task.enqueueMany(jobs);
  await drain(server.url, "rapidai", 1, kept);
  const waiting: string[] = [];
  for (let page = 1; page < 10; page++) waiting.push(...(await task.enqueueMany(jobs)));
  const middle = waiting[waiting.length >> 1] as string;
  console.log("\n## The newest 100 of 1,000,000 jobs in Redis\n");
  await printPages(queue, {
    all: {},
    "by status, pending": { status: "pending" },
    "by status, completed": { status: "completed" },
    "by task": { task: "noop" },
    "by status and task, with a cursor": { status: "pending", task: "noop", before: middle },
  });

  const client = await createClient({ url: server.url }).connect();
  await client.sendCommand(["CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "10000"]);
  await client.sendCommand(["SLOWLOG", "RESET"]);
  for (let job = 0; job < 200; job++) await queue.cancel(waiting[Math.floor(Math.random() * waiting.length)] as string);
  const log = (await client.sendCommand(["SLOWLOG", "GET", "10000"])) as unknown as [
    number,
    number,
    number,
    string[],
  ][];
  const blockedMs = log
    .flatMap(([, , us, [command]]) => (command?.startsWith("EVAL") ? us / 1_000 : []))
    .sort((a, b) => a - b);
  client.destroy();
  await queue.close();
  console.log(
    `\nA cancellation of one of 900,000 waiting jobs blocked Redis for ${ms(quantile(blockedMs, 0.5))} at p50, ${ms(quantile(blockedMs, 1))} at most of ${blockedMs.length}.`,
  );
}
