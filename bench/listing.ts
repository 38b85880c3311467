import type { JobFilter, JobQueue } from "rapidai/background";
import { memoryQueue, untilDone } from "./peers/memory.ts";
import { ms, table } from "./report.ts";
import { timed } from "./rounds.ts";
import { payloads } from "./workload.ts";

const JOBS = 1_000_000;
const PAGE = 10_000;
const CALLS = 200;

/** Latency of listing the newest 100 of a million jobs, nine in ten of them completed. */
export async function listing(): Promise<void> {
  const { queue, task } = memoryQueue({ retention: false });
  const jobs = payloads(PAGE);
  for (let stored = 0; stored < JOBS * 0.9; stored += PAGE) {
    await task.enqueueMany(jobs);
    await untilDone(queue);
  }
  for (let stored = 0; stored < JOBS * 0.1; stored += PAGE) await task.enqueueMany(jobs, { delay: "1h" });
  const middle = (await queue.listJobs({ status: "completed", limit: 1_000 })).at(-1)?.jobId;
  console.log(`\n## The newest 100 of ${JOBS.toLocaleString("en")} jobs in memory\n`);
  await printPages(queue, {
    all: {},
    "by status": { status: "completed" },
    "by task": { task: "noop" },
    "by status and task": { status: "pending", task: "noop" },
    "by status, with a cursor": { status: "completed", before: middle },
  });
  await queue.close();
}

/** Prints the latency of a page for each filter. */
export async function printPages(queue: JobQueue, filters: Readonly<Record<string, JobFilter>>): Promise<void> {
  const rows: string[][] = [];
  for (const [name, filter] of Object.entries(filters)) {
    rows.push([name, ...(await timed(() => queue.listJobs(filter), CALLS)).map(ms)]);
  }
  table(["filter", "p50", "p95"], rows);
}
