import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import { checkOptions, wholeNumber } from "../core/options.ts";
import type { PruneRequest, Retention, Store } from "../core/store.ts";

/** Which finished jobs `prune` removes. */
export interface PruneOptions {
  /** Removes jobs that finished longer ago than this; `0` for all. */
  readonly age?: Duration | undefined;
  /** Removes all but this many newest jobs of each kind; `0` for all. */
  readonly count?: number | undefined;
  /** Which kind to remove: `"completed"`, or `"failed"`, which includes cancelled ones as in retention; default both. */
  readonly status?: "completed" | "failed" | undefined;
  /** Most jobs that this call removes; default 100,000. */
  readonly limit?: number | undefined;
}

/** Most jobs that one call to the store removes, so that none holds it up for long. */
export const PAGE = 1_000;
/** Most jobs that `prune` removes by default. */
export const DEFAULT_LIMIT = 100_000;
const KEEP_ALL: Retention = { ageMs: null, count: null };

/**
 * Checks options and turns them into what to remove: without any, what the queue's own retention does not keep.
 *
 * @throws JobError `invalid_option`
 */
export function sweepOf(options: PruneOptions, retention: Retention): PruneRequest {
  checkOptions(options, ["age", "count", "status", "limit"], "options of prune()");
  const { age, status, limit = DEFAULT_LIMIT } = options;
  const ageMs = age === undefined ? null : toMs(age, "age of prune()");
  // An age of 0 would spare jobs that finished at this very instant.
  const count = ageMs === 0 ? 0 : options.count;
  if (status !== undefined && status !== "completed" && status !== "failed") {
    throw new JobError(
      "invalid_option",
      'The status of prune() must be "completed" or "failed", which means failed and cancelled jobs together.',
    );
  }
  const bounds: Retention =
    age === undefined && count === undefined
      ? retention
      : {
          ageMs,
          count: count === undefined ? null : wholeNumber(count, 0, "count of prune()"),
        };
  return {
    completed: status === "failed" ? KEEP_ALL : bounds,
    failed: status === "completed" ? KEEP_ALL : bounds,
    limit: wholeNumber(limit, 1, "limit of prune()"),
  };
}

/** Removes finished jobs, a page at a time; resolves with how many. */
export async function sweep(store: Store, { limit, ...which }: PruneRequest): Promise<number> {
  let removed = 0;
  for (let page = PAGE; page === PAGE && removed < limit; ) {
    const wanted = Math.min(PAGE, limit - removed);
    page = await store.prune({ ...which, limit: wanted });
    removed += page;
    // The next page is not urgent.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return removed;
}
