import { RedisQueue } from "rapidai/background";
import { type RedisProcess, startRedis } from "../test/redis/server.ts";
import { bullQueue } from "./peers/bullmq.ts";
import { drain, drainForgetting, fill, flush, LABELS, type Name } from "./peers/redis.ts";
import { ratio, spread, table } from "./report.ts";
import { byTurns, type Spread } from "./rounds.ts";
import { FEW, inLanes, type Payload, payloads } from "./workload.ts";

const JOBS = 20_000;
const ROUNDS = Number(process.env.ROUNDS ?? 5);

/** Throughput of the queue in Redis, compared with BullMQ on the same server. */
export async function redis(): Promise<void> {
  const server = await startRedis();
  try {
    await drains(server);
    await forgetting(server);
    await twoWorkers(server);
    await bulk(server);
    await singles(server);
  } finally {
    await server.stop();
  }
}

/** Starts a new worker process for each round. */
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

/** The usual state of a queue: for each job that finishes, retention removes another one. */
async function forgetting(server: RedisProcess): Promise<void> {
  const jobs = payloads(JOBS);
  const one = (name: "rapidai" | "bullmq") => async () => {
    await fill[name](server.url, jobs);
    const rate = await drainForgetting(server.url, name, JOBS);
    await flush(server.url);
    return rate;
  };
  const figures = await byTurns({ rapidai: one("rapidai"), bullmq: one("bullmq") }, ROUNDS);
  report(`The same, of which the latest ${FEW.toLocaleString("en")} are kept`, figures);
}

/** Whether a second worker process increases throughput. */
async function twoWorkers(server: RedisProcess): Promise<void> {
  const jobs = payloads(2 * JOBS);
  const by = (workers: number) => async () => {
    await fill.rapidai(server.url, jobs);
    const rate = await drain(server.url, "rapidai", workers, jobs.length);
    await flush(server.url);
    return rate;
  };
  const figures = await byTurns({ one: by(1), two: by(2) }, ROUNDS);
  console.log(`\n## Drain of ${jobs.length.toLocaleString("en")} jobs, ${ROUNDS} alternating rounds\n`);
  table(
    ["worker processes", "jobs, median (range)", "vs. one"],
    Object.entries(figures).map(([name, figure]) => [name, spread(figure), ratio(figure, figures.one)]),
  );
}

async function bulk(server: RedisProcess): Promise<void> {
  const jobs = payloads(JOBS);
  const one = (name: Name) => async () => {
    const elapsedMs = await fill[name](server.url, jobs);
    await flush(server.url);
    return (JOBS / elapsedMs) * 1_000;
  };
  report("Bulk enqueue", await byTurns({ rapidai: one("rapidai"), bullmq: one("bullmq"), bare: one("bare") }, ROUNDS));
}

async function singles(server: RedisProcess): Promise<void> {
  const jobs = payloads(JOBS);
  const timed = async (enqueue: (job: Payload) => Promise<unknown>) => {
    const startedAt = performance.now();
    await inLanes(jobs, 100, enqueue);
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

function report(title: string, figures: Readonly<Record<string, Spread>>): void {
  console.log(`\n## ${title}, ${ROUNDS} alternating rounds\n`);
  const bull = figures.bullmq as Spread;
  table(
    ["", "jobs, median (range)", "vs. BullMQ"],
    Object.entries(figures).map(([name, figure]) => [LABELS[name as Name], spread(figure), ratio(figure, bull)]),
  );
}
