import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { background, RedisQueue } from "rapidai/background";
import { createClient } from "redis";
import { baseOf } from "../../src/background/stores/redis/keys.ts";
import type { Payload } from "../workload.ts";
import { addBare, BARE } from "./bare-redis.ts";
import { BULL_QUEUE, bullQueue } from "./bullmq.ts";

export type Name = "rapidai" | "bullmq" | "bare";

export type Mode = "work" | "stamp" | "forget" | "take time";

export const LABELS: Readonly<Record<Name, string>> = {
  rapidai: "rapidai",
  bullmq: "BullMQ 6.7",
  bare: "bare Lua, no promises",
};

const WORKER = fileURLToPath(new URL("redis-worker.ts", import.meta.url));

/** Stores jobs in bulk, and resolves with how long that took, without connecting, in milliseconds. */
export const fill: Readonly<Record<Name, (url: string, jobs: readonly Payload[]) => Promise<number>>> = {
  async rapidai(url, jobs) {
    const queue = new RedisQueue({ url, worker: false });
    const task = background({ queue }, async function noop(_payload: Payload): Promise<void> {});
    await queue.ready();
    const elapsedMs = await timed(() => task.enqueueMany(jobs));
    await queue.close();
    return elapsedMs;
  },
  async bullmq(url, jobs) {
    const queue = bullQueue(url);
    await queue.waitUntilReady();
    const elapsedMs = await timed(async () => {
      for (let from = 0; from < jobs.length; from += 1_000) {
        await queue.addBulk(jobs.slice(from, from + 1_000).map((data) => ({ name: "noop", data })));
      }
    });
    await queue.close();
    return elapsedMs;
  },
  bare: (url, jobs) => timed(() => addBare(url, jobs)),
};

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

/** Starts a worker process that is connected and waits for the message "go". */
export async function worker(url: string, name: Name, mode: Mode = "work"): Promise<ChildProcess> {
  const child = fork(WORKER, [name, url, mode], { execArgv: [...process.execArgv, "--expose-gc"] });
  await once(child, "message");
  return child;
}

export async function dismiss(child: ChildProcess): Promise<void> {
  child.disconnect();
  await once(child, "exit");
}

/** Jobs per second, from the message to cold workers until this many jobs are stored as completed. */
export async function drain(
  url: string,
  name: Name,
  workers: number,
  jobs: number,
  mode: "work" | "take time" = "work",
): Promise<number> {
  const client = await createClient({ url }).connect();
  const completed: Readonly<Record<Name, () => Promise<number>>> = {
    rapidai: () => client.lLen(`${baseOf("rapidai:jobs:")}C`),
    bullmq: () => client.zCard(`bull:${BULL_QUEUE}:completed`),
    bare: () => client.lLen(`${BARE}completed`),
  };
  const before = await completed[name]();
  const elapsedMs = await untilDone(url, name, workers, mode, async () => (await completed[name]()) >= before + jobs);
  client.destroy();
  return (jobs / elapsedMs) * 1_000;
}

/** The same with a worker that keeps few completed jobs, until none is waiting or running. */
export async function drainForgetting(url: string, name: "rapidai" | "bullmq", jobs: number): Promise<number> {
  const client = await createClient({ url }).connect();
  const base = baseOf("rapidai:jobs:");
  const left = {
    // One member of the leases' set is not a job.
    rapidai: async () => (await client.zCard(`${base}lnoop`)) + (await client.zCard(`${base}r1:noop`)) - 1,
    bullmq: async () =>
      (await client.lLen(`bull:${BULL_QUEUE}:wait`)) + (await client.lLen(`bull:${BULL_QUEUE}:active`)),
  };
  const elapsedMs = await untilDone(url, name, 1, "forget", async () => (await left[name]()) <= 0);
  client.destroy();
  return (jobs / elapsedMs) * 1_000;
}

async function untilDone(
  url: string,
  name: Name,
  workers: number,
  mode: Mode,
  isDone: () => Promise<boolean>,
): Promise<number> {
  const children = await Promise.all(Array.from({ length: workers }, () => worker(url, name, mode)));
  const startedAt = performance.now();
  for (const child of children) child.send("go");
  while (!(await isDone())) await pause(4);
  const elapsedMs = performance.now() - startedAt;
  for (const child of children) await dismiss(child);
  return elapsedMs;
}

export async function flush(url: string): Promise<void> {
  const client = await createClient({ url }).connect();
  await client.flushAll();
  client.destroy();
}
