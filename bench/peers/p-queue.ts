import PQueue from "p-queue";
import { CONCURRENCY, type Payload } from "../workload.ts";

/** Jobs a second: it keeps neither records nor results, so this is what calling the functions costs. */
export async function drainPQueue(jobs: readonly Payload[]): Promise<number> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const startedAt = performance.now();
  for (const job of jobs) void queue.add(async () => void job);
  await queue.onIdle();
  return (jobs.length / (performance.now() - startedAt)) * 1_000;
}
