import { memoryQueue } from "./peers/memory.ts";
import { spread, table } from "./report.ts";
import { byTurns } from "./rounds.ts";
import { payloads } from "./workload.ts";

const JOBS = 100_000;
const ROUNDS = 7;

/** Throughput of enqueueing on a queue that runs no jobs. */
export async function enqueue(): Promise<void> {
  const jobs = payloads(JOBS);
  const timed = async (store: (task: ReturnType<typeof memoryQueue>["task"]) => Promise<unknown>) => {
    const { queue, task } = memoryQueue({ worker: false });
    const startedAt = performance.now();
    await store(task);
    const elapsedMs = performance.now() - startedAt;
    await queue.close();
    return (JOBS / elapsedMs) * 1_000;
  };
  const figures = await byTurns(
    {
      "in bulk": () => timed((task) => task.enqueueMany(jobs)),
      "one by one, 100 under way": () =>
        timed(async (task) => {
          for (let from = 0; from < JOBS; from += 100) {
            await Promise.all(jobs.slice(from, from + 100).map((job) => task.enqueue(job)));
          }
        }),
    },
    ROUNDS,
  );
  console.log(`\n## Enqueue of ${JOBS.toLocaleString("en")} jobs in memory, ${ROUNDS} alternating rounds\n`);
  table(
    ["", "jobs, median (range)"],
    Object.entries(figures).map(([name, figure]) => [name, spread(figure)]),
  );
}
