import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { background, RedisQueue } from "rapidai/background";
import { createClient } from "redis";
import { baseOf } from "../src/background/stores/redis/keys.ts";
import { type RedisProcess, startRedis } from "../test/redis/server.ts";
import { addBare, BARE } from "./peers/bare-redis.ts";
import { BULL_QUEUE, bullQueue } from "./peers/bullmq.ts";
import { ratio, spread, table } from "./report.ts";
import { byTurns } from "./rounds.ts";
import { type Payload, payloads } from "./workload.ts";

const JOBS = 20_000;
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WORKER = fileURLToPath(new URL("peers/redis-worker.ts", import.meta.url));

type Name = "rapidai" | "bullmq" | "bare";

const LABELS: Readonly<Record<Name, string>> = {
  rapidai: "rapidai",
  bullmq: "BullMQ 6.7",
  bare: "bare Lua, no promises",
};

/** The queue in Redis beside BullMQ on the same server. */
export async function redis(): Promise<void> {
  const server = await startRedis();
  try {
    await drains(server);
    await bulk(server);
    await singles(server);
  } finally {
    await server.stop();
  }
}

/** A cold worker process each time. */
async function drains(server: RedisProcess): Promise<void> {
  const jobs = payloads(JOBS);
  const one = (name: Name) => async () => {
    await fill[name](server.url, jobs);
    const rate = await drain(server.url, name, 1, JOBS);
    await flush(server.url);
    return rate;
  };
  const figures = await byTurns({ rapidai: one("rapidai"), bullmq: one("bullmq"), bare: one("bare") }, ROUNDS);
  report(
    `Drain of ${JOBS.toLocaleString("en")} waiting jobs in Redis, concurrency 100, one cold worker process`,
    figures,
  );
}

async function bulk(server: RedisProcess): Promise<void> {
  const jobs = payloads(JOBS);
  const one = (name: Name) => async () => {
    const startedAt = performance.now();
    await fill[name](server.url, jobs);
    const rate = (JOBS / (performance.now() - startedAt)) * 1_000;
    await flush(server.url);
    return rate;
  };
  report("Bulk enqueue", await byTurns({ rapidai: one("rapidai"), bullmq: one("bullmq"), bare: one("bare") }, ROUNDS));
}

async function singles(server: RedisProcess): Promise<void> {
  const jobs = payloads(JOBS);
  const timed = async (enqueue: (job: Payload) => Promise<unknown>) => {
    let next = 0;
    const startedAt = performance.now();
    const lane = async () => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) await enqueue(job);
    };
    await Promise.all(Array.from({ length: 100 }, lane));
    const rate = (JOBS / (performance.now() - startedAt)) * 1_000;
    await flush(server.url);
    return rate;
  };
  const ours = async () => {
    const queue = new RedisQueue({ url: server.url, worker: false });
    await queue.ready();
    const rate = await timed((job) => queue.enqueue("noop", job));
    await queue.close();
    return rate;
  };
  const bull = async () => {
    const queue = bullQueue(server.url);
    await queue.waitUntilReady();
    const rate = await timed((job) => queue.add("noop", job));
    await queue.close();
    return rate;
  };
  report("100 single enqueues under way", await byTurns({ rapidai: ours, bullmq: bull }, ROUNDS));
}

const fill: Readonly<Record<Name, (url: string, jobs: readonly Payload[]) => Promise<void>>> = {
  async rapidai(url, jobs) {
    const queue = new RedisQueue({ url, worker: false });
    const task = background({ queue }, async function noop(_payload: Payload): Promise<void> {});
    await task.enqueueMany(jobs);
    await queue.close();
  },
  async bullmq(url, jobs) {
    const queue = bullQueue(url);
    for (let from = 0; from < jobs.length; from += 1_000) {
      await queue.addBulk(jobs.slice(from, from + 1_000).map((data) => ({ name: "noop", data })));
    }
    await queue.close();
  },
  bare: addBare,
};

/** Jobs a second, from the word to the worker until all are stored as completed. */
async function drain(url: string, name: Name, workers: number, jobs: number): Promise<number> {
  const client = await createClient({ url }).connect();
  const completed: Readonly<Record<Name, () => Promise<number>>> = {
    rapidai: () => client.zCard(`${baseOf("rapidai:jobs:")}C`),
    bullmq: () => client.zCard(`bull:${BULL_QUEUE}:completed`),
    bare: () => client.lLen(`${BARE}completed`),
  };
  const children = Array.from({ length: workers }, () => fork(WORKER, [name, url]));
  await Promise.all(children.map((child) => once(child, "message")));
  const before = await completed[name]();
  const startedAt = performance.now();
  for (const child of children) child.send("go");
  while ((await completed[name]()) < before + jobs) await pause(4);
  const elapsedMs = performance.now() - startedAt;
  for (const child of children) {
    child.disconnect();
    await once(child, "exit");
  }
  client.destroy();
  return (jobs / elapsedMs) * 1_000;
}

async function flush(url: string): Promise<void> {
  const client = await createClient({ url }).connect();
  await client.flushAll();
  client.destroy();
}

function report(title: string, figures: Awaited<ReturnType<typeof byTurns<string>>>): void {
  console.log(`\n## ${title}, ${ROUNDS} rounds by turns\n`);
  const bull = figures.bullmq as NonNullable<(typeof figures)[string]>;
  table(
    ["", "jobs, median (range)", "to BullMQ"],
    Object.entries(figures).map(([name, figure]) => [LABELS[name as Name], spread(figure), ratio(figure, bull)]),
  );
}
