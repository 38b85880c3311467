import { MAX_TIMER_MS } from "../core/duration.ts";

/** A timer that is late by more than this tells that this process stood still. */
const STOOD_STILL_MS = 100;
/** For how long what happened meanwhile may take to be read then. */
const READ_MS = 500;

/**
 * Waits for a promise, but no longer than `ms` of real time, and a little more where the process stood still; says whether it was
 * fulfilled in time. Never rejects.
 */
export function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const dueAt = performance.now() + ms;
    let timer = setTimeout(
      () => {
        if (performance.now() > dueAt + STOOD_STILL_MS) timer = setTimeout(() => resolve(false), READ_MS);
        else resolve(false);
      },
      Math.min(ms, MAX_TIMER_MS),
    );
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
