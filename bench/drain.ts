import { drainMemory } from "./peers/memory.ts";
import { drainPQueue } from "./peers/p-queue.ts";
import { drainPlatformatic } from "./peers/platformatic.ts";
import { ratio, spread, table } from "./report.ts";
import { byTurns } from "./rounds.ts";
import { CONCURRENCY, payloads } from "./workload.ts";

const JOBS = 100_000;
const ROUNDS = 7;

/** Throughput from the first enqueue to the last result, with a no-op handler. */
export async function drain(): Promise<void> {
  const jobs = payloads(JOBS);
  const figures = await byTurns(
    {
      "rapidai, enqueueMany": () => drainMemory(jobs, "bulk"),
      "rapidai, enqueue one by one": () => drainMemory(jobs, "single"),
      "p-queue (no records)": () => drainPQueue(jobs),
      "platformatic, memory": () => drainPlatformatic(jobs),
    },
    ROUNDS,
  );
  console.log(
    `\n## Drain of ${JOBS.toLocaleString("en")} jobs in memory, concurrency ${CONCURRENCY}, ${ROUNDS} alternating rounds\n`,
  );
  table(
    ["", "jobs, median (range)", "vs. p-queue", "vs. platformatic"],
    Object.entries(figures).map(([name, figure]) => [
      name,
      spread(figure),
      ratio(figure, figures["p-queue (no records)"]),
      ratio(figure, figures["platformatic, memory"]),
    ]),
  );
}
