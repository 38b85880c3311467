import PQueue from "p-queue";
import { CONCURRENCY, type Payload } from "../workload.ts";

/** Jobs per second. It keeps neither records nor results, so that this is just the cost of calling the functions. */
export async function drainPQueue(jobs: readonly Payload[]): Promise<number> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const startedAt = performance.now();
  await Promise.all(jobs.map((job) => queue.add(async () => void job)));
  return (jobs.length / (performance.now() - startedAt)) * 1_000;
}
