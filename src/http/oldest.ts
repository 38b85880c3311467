import type { JobResult } from "../background/core/result.ts";
import type { JobFilter } from "../background/engine/reader.ts";
import { idAt, PLACES_A_MS, placeOf } from "./id-place.ts";

/** The part of a queue that is needed here. */
export interface Listing {
  listJobs(filter: JobFilter): Promise<JobResult[]>;
}

/** Size of a page. The last job of a page that is not full is the oldest. */
const PAGE = 20;
/** How far back the first probe goes: a second. Each further one goes `FACTOR` times as far. */
const FIRST_STEP = 1_000n * PLACES_A_MS;
const FACTOR = 8n;

/**
 * Finds the oldest pending job of a task, by id; `null` if none is pending.
 *
 * Listings start with the newest job, but ids contain the time. An exponential search goes back in time until no older
 * job is found, and a binary search follows: about twenty small pages, however many jobs are pending. It goes on within a
 * millisecond, since many ids may be derived from the same time.
 */
export async function oldestPending(queue: Listing, task: string): Promise<JobResult | null> {
  const pageBefore = (before?: string) => queue.listJobs({ status: "pending", task, limit: PAGE, before });
  let page = await pageBefore();
  let oldest = page.at(-1);
  let emptyBefore = 0n;
  let step = FIRST_STEP;
  let isExponential = true;
  while (oldest !== undefined && page.length === PAGE) {
    const at = placeOf(oldest.jobId);
    if (at === emptyBefore) break;
    const back = isExponential ? at - step : (emptyBefore + at + 1n) / 2n;
    const probe = back > emptyBefore ? back : emptyBefore;
    const found = await pageBefore(idAt(probe));
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
