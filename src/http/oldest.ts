import { firstIdAt, instantOf } from "../background/core/id-time.ts";
import type { JobResult } from "../background/core/result.ts";
import type { JobFilter } from "../background/engine/reader.ts";

/** The part of a queue that is needed here. */
export interface Listing {
  listJobs(filter: JobFilter): Promise<JobResult[]>;
}

/** Size of a page. The last job of a page that is not full is the oldest. */
const PAGE = 20;
/** How far back the first probe goes; each further one goes `FACTOR` times as far. */
const FIRST_STEP_MS = 1_000;
const FACTOR = 8;

/**
 * Finds the oldest pending job of a task, by id; `null` if none is pending.
 *
 * Listings start with the newest job, but ids contain the time. An exponential search goes back in time until no older
 * job is found, and a binary search follows: about twenty small pages, however many jobs are pending.
 */
export async function oldestPending(queue: Listing, task: string): Promise<JobResult | null> {
  const pageBefore = (before?: string) => queue.listJobs({ status: "pending", task, limit: PAGE, before });
  let page = await pageBefore();
  let oldest = page.at(-1);
  let emptyBefore = 0;
  let step = FIRST_STEP_MS;
  let isExponential = true;
  while (oldest !== undefined && page.length === PAGE) {
    const at = instantOf(oldest.jobId);
    if (at - emptyBefore <= 1) return lastOf(oldest, pageBefore);
    const probe = isExponential ? Math.max(emptyBefore, at - step) : Math.floor((at + emptyBefore) / 2);
    const found = await pageBefore(firstIdAt(probe));
    if (found.length > 0) {
      page = found;
      oldest = found.at(-1);
      step *= FACTOR;
    } else {
      emptyBefore = probe;
      isExponential = false;
    }
  }
  return oldest ?? null;
}

/** The last of jobs created within the same millisecond or two, page by page: time cannot narrow the search further. */
async function lastOf(first: JobResult, pageBefore: (id: string) => Promise<JobResult[]>): Promise<JobResult> {
  let oldest = first;
  for (let page = await pageBefore(first.jobId); page.length > 0; page = await pageBefore(oldest.jobId)) {
    oldest = page.at(-1) as JobResult;
    if (page.length < PAGE) break;
  }
  return oldest;
}
