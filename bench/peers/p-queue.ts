import PQueue from "p-queue";
import { CONCURRENCY, type Payload } from "../workload.ts";

/** Jobs a second: it keeps neither records nor results, so this is what calling the functions costs. */
export async function drainPQueue(jobs: readonly Payload[]): Promise<number> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const startedAt = performance.now();
  await Promise.all(jobs.map((job) => queue.add(async () => void job)));
  return (jobs.length / (performance.now() - startedAt)) * 1_000;
}
