import { inWords } from "./duration.ts";
import type { HealthWarning } from "./store.ts";

/** How far a store's time may be ahead of its clock before operators are warned. */
const MAX_AHEAD_MS = 5_000;

/**
 * The warning that a store's time is far ahead of its clock; `undefined` if it is not. How long it takes to catch up, and
 * how much longer waits take, follows from `SPEED` in `steady-time.ts`.
 *
 * @param why what happened to the clock
 * @param time whose time it is
 */
export function timeAheadWarning(why: string, time: string, aheadMs: number): HealthWarning | undefined {
  if (aheadMs <= MAX_AHEAD_MS) return undefined;
  return {
    code: "time_ahead",
    message: `${why}: ${time} is ${inWords(aheadMs)} ahead of it, and runs more slowly until the clock has caught up. Until then waits take up to a ninth longer, and jobs with a runAt start too early.`,
    remedy: `Make sure that the clock is right; it takes about ${inWords(10 * aheadMs)} to catch up.`,
  };
}
