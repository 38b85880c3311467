import { memoryQueue, untilDone } from "./peers/memory.ts";
import { table } from "./report.ts";
import { payloads } from "./workload.ts";

const JOBS = 2_000_000;
const PAGE = 10_000;
const REPORT_EVERY = 250_000;

/** Heap use over many jobs with the default retention: growth would be a leak. */
export async function footprint(): Promise<void> {
  const { queue, task } = memoryQueue();
  const jobs = payloads(PAGE);
  const rows: string[][] = [];
  for (let done = 0; done < JOBS; done += PAGE) {
    await task.enqueueMany(jobs);
    await untilDone(queue);
    if ((done + PAGE) % REPORT_EVERY === 0) rows.push([(done + PAGE).toLocaleString("en"), await heap()]);
  }
  const kept = (await queue.counts()).byStatus.completed;
  await queue.close();
  console.log(
    `\n## Heap over ${JOBS.toLocaleString("en")} jobs, default retention (${kept.toLocaleString("en")} kept at the end)\n`,
  );
  table(["jobs done", "heap used"], rows);
}

async function heap(): Promise<string> {
  // Jobs beyond the retention are only removed within a second.
  globalThis.gc?.();
  return `${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(1)} MiB`;
}
