import { firstIdAt, instantOf } from "../background/core/id-time.ts";
import type { JobResult } from "../background/core/result.ts";
import type { JobFilter } from "../background/engine/reader.ts";

/** What can list jobs: a queue. */
export interface Listing {
  listJobs(filter: JobFilter): Promise<JobResult[]>;
}

/** A page that is not full ends with the oldest job there is. */
const PAGE = 20;
/** How far the first look goes back; each further one goes eight times as far. */
const FIRST_STEP_MS = 1_000;
const FACTOR = 8;

/**
 * The oldest pending job of a task, by its id; `null` if none is pending.
 *
 * A listing begins with the newest, and ids tell the time: it is looked for further and further back until nothing is
 * older, and then halved. That are some twenty small pages, however many jobs wait.
 */
export async function oldestPending(queue: Listing, task: string): Promise<JobResult | null> {
  const pageBefore = (before?: string) => queue.listJobs({ status: "pending", task, limit: PAGE, before });
  let page = await pageBefore();
  let oldest = page.at(-1);
  let emptyBefore = 0;
  let step = FIRST_STEP_MS;
  let isGalloping = true;
  while (oldest !== undefined && page.length === PAGE) {
    const at = instantOf(oldest.jobId);
    if (at - emptyBefore <= 1) return lastOf(oldest, pageBefore);
    const probe = isGalloping ? Math.max(emptyBefore, at - step) : Math.floor((at + emptyBefore) / 2);
    const found = await pageBefore(firstIdAt(probe));
    if (found.length > 0) {
      page = found;
      oldest = found.at(-1);
      step *= FACTOR;
    } else {
      emptyBefore = probe;
      isGalloping = false;
    }
  }
  return oldest ?? null;
}

/** The last of those that have nearly the same time: page by page, since no time is between them. */
async function lastOf(first: JobResult, pageBefore: (id: string) => Promise<JobResult[]>): Promise<JobResult> {
  let oldest = first;
  for (let page = await pageBefore(first.jobId); page.length > 0; page = await pageBefore(oldest.jobId)) {
    oldest = page.at(-1) as JobResult;
    if (page.length < PAGE) break;
  }
  return oldest;
}
