import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import { checkOptions, wholeNumber } from "../core/options.ts";
import type { PruneRequest, Retention, Store } from "../core/store.ts";

/** Which finished jobs `prune` removes. */
export interface PruneOptions {
  /** Those that finished longer ago than this; `0` for all. */
  readonly age?: Duration | undefined;
  /** All but the newest so many of each kind; `0` for all. */
  readonly count?: number | undefined;
  /** Only one kind: `"completed"`, or `"failed"`, which means failed and cancelled ones as in the retention. Default both. */
  readonly status?: "completed" | "failed" | undefined;
  /** At most so many in this call; default 100,000. */
  readonly limit?: number | undefined;
}

/** Jobs that one call removes, so that none holds up the store for long. */
export const PAGE = 1_000;
const DEFAULT_LIMIT = 100_000;
const NOTHING: Retention = { ageMs: null, count: null };

/**
 * What is to go, from checked options; without any, what the queue's own retention says.
 *
 * @throws JobError `invalid_option`
 */
export function sweepOf(options: PruneOptions, retention: Retention): PruneRequest {
  checkOptions(options, ["age", "count", "status", "limit"], "options of prune()");
  const { age, status, limit = DEFAULT_LIMIT } = options;
  const ageMs = age === undefined ? null : toMs(age, "age of prune()");
  // Also what finished at this very moment, which is no longer ago than nothing.
  const count = ageMs === 0 ? 0 : options.count;
  if (status !== undefined && status !== "completed" && status !== "failed") {
    throw new JobError(
      "invalid_option",
      'The status of prune() is neither "completed" nor "failed"; failed and cancelled jobs are kept, and go, together.',
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
    completed: status === "failed" ? NOTHING : bounds,
    failed: status === "completed" ? NOTHING : bounds,
    limit: wholeNumber(limit, 1, "limit of prune()"),
  };
}

/** Removes finished jobs, a page at a time, and says how many. */
export async function sweep(store: Store, { limit, ...which }: PruneRequest): Promise<number> {
  let removed = 0;
  for (let page = PAGE; page === PAGE && removed < limit; ) {
    const wanted = Math.min(PAGE, limit - removed);
    page = await store.prune({ ...which, limit: wanted });
    removed += page;
    // Another page is nothing urgent.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return removed;
}
