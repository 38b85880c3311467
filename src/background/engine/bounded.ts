import { MAX_TIMER_MS } from "../core/duration.ts";

/** Waits for a promise, but no longer than `ms` of real time; says whether it was fulfilled in time. Never rejects. */
export function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), Math.min(ms, MAX_TIMER_MS));
    const end = (isFulfilled: boolean) => {
      clearTimeout(timer);
      resolve(isFulfilled);
    };
    promise.then(
      () => end(true),
      () => end(false),
    );
  });
}
