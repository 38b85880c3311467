import { setTimeout as pause } from "node:timers/promises";
import { background, SqliteQueue, type Task } from "rapidai/background";
import { CONCURRENCY, type Payload } from "../workload.ts";
import type { Durability } from "./bare-sqlite.ts";

export interface SqliteBench {
  readonly queue: SqliteQueue;
  readonly task: Task<Payload, void>;
}

/** A queue on a file whose worker is not started yet. */
export async function sqliteQueue(path: string, durability: Durability): Promise<SqliteBench> {
  const queue = new SqliteQueue({ path, durability, concurrency: CONCURRENCY });
  const task = background({ queue }, async function noop(_payload: Payload): Promise<void> {});
  await queue.stop();
  await queue.ready();
  return { queue, task };
}

/** Jobs per second, from the worker's start until all but `leave` jobs are stored as completed. */
export async function drain(queue: SqliteQueue, leave = 0): Promise<number> {
  const before = await unfinished(queue);
  const startedAt = performance.now();
  await queue.start();
  let after = before;
  while (after > leave) {
    await pause(5);
    after = await unfinished(queue);
  }
  const elapsedMs = performance.now() - startedAt;
  await queue.stop();
  return ((before - after) / elapsedMs) * 1_000;
}

async function unfinished(queue: SqliteQueue): Promise<number> {
  const { pending, running } = (await queue.counts()).byStatus;
  return pending + running;
}
