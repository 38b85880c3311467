import { setImmediate as turn } from "node:timers/promises";
import { background, InMemoryQueue, type JobQueue, type Task } from "rapidai/background";
import { CONCURRENCY, type Payload } from "../workload.ts";

export interface Bench {
  readonly queue: JobQueue;
  readonly task: Task<Payload, void>;
}

/** A queue with the default options, except for the concurrency that all contenders share. */
export function memoryQueue(options: { readonly worker?: boolean; readonly retention?: false } = {}): Bench {
  const queue = new InMemoryQueue({ concurrency: CONCURRENCY, ...options });
  const task = background({ queue }, async function noop(_payload: Payload): Promise<void> {});
  return { queue, task };
}

/** Jobs per second, from the first call until every job is stored as completed. */
export async function drainMemory(jobs: readonly Payload[], how: "bulk" | "single"): Promise<number> {
  const { queue, task } = memoryQueue();
  await queue.ready();
  const startedAt = performance.now();
  if (how === "bulk") await task.enqueueMany(jobs);
  else await Promise.all(jobs.map((job) => task.enqueue(job)));
  await untilDone(queue);
  const elapsedMs = performance.now() - startedAt;
  await queue.close();
  return (jobs.length / elapsedMs) * 1_000;
}

/** Polls only now and then, since listening to each job would add work. */
export async function untilDone(queue: JobQueue): Promise<void> {
  for (let isDone = false; !isDone; ) {
    for (let turns = 0; turns < 10; turns++) await turn();
    const { pending, running } = (await queue.counts()).byStatus;
    isDone = pending + running === 0;
  }
}
