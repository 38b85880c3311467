import { MemoryStorage, Queue } from "@platformatic/job-queue";
import { CONCURRENCY, type Payload } from "../workload.ts";

let ids = 0;

/** Jobs per second, with results kept in memory. */
export async function drainPlatformatic(jobs: readonly Payload[]): Promise<number> {
  const queue = new Queue<Payload, null>({ storage: new MemoryStorage(), concurrency: CONCURRENCY });
  let left = jobs.length;
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.execute(async () => null);
  queue.on("completed", () => {
    left--;
    if (left === 0) resolve();
  });
  await queue.start();
  const startedAt = performance.now();
  await Promise.all(jobs.map((job) => queue.enqueue(`job-${ids++}`, job)));
  await promise;
  const elapsedMs = performance.now() - startedAt;
  await queue.stop();
  return (jobs.length / elapsedMs) * 1_000;
}
