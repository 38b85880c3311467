import { setTimeout as pause } from "node:timers/promises";
import { background, InMemoryQueue } from "rapidai/background";
import { table } from "./report.ts";
import { quantile } from "./rounds.ts";

const JOBS = 2_000;

/** The time from calling `enqueue` to the handler's first statement, on an idle queue. */
export async function start(): Promise<void> {
  const queue = new InMemoryQueue();
  let startedAt = 0;
  const task = background({ queue }, function stamp(): void {
    startedAt = performance.now();
  });
  const times: number[] = [];
  for (let job = 0; job < JOBS + 200; job++) {
    const calledAt = performance.now();
    const id = await task.enqueue();
    await task.wait(id);
    if (job >= 200) times.push((startedAt - calledAt) * 1_000);
    // Lets the event loop turn, so that the queue is really idle.
    if (job % 20 === 0) await pause(1);
  }
  await queue.close();
  const sorted = times.toSorted((a, b) => a - b);
  console.log(`\n## Enqueue to start on an idle queue in memory, ${JOBS.toLocaleString("en")} jobs\n`);
  table(["p50", "p95", "p99"], [[0.5, 0.95, 0.99].map((share) => `${quantile(sorted, share).toFixed(0)} µs`)]);
}
