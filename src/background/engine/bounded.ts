import { MAX_TIMER_MS } from "../core/duration.ts";
import { READ_MS, STANDSTILL_MS } from "../core/standstill.ts";

/**
 * Waits for a promise for at most `ms` of real time, and a little longer if the process stood still. Resolves with
 * whether it was fulfilled in time; never rejects.
 */
export function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const dueAt = performance.now() + ms;
    let timer = setTimeout(
      () => {
        if (performance.now() > dueAt + STANDSTILL_MS) timer = setTimeout(() => resolve(false), READ_MS);
        // Timers fire before sockets are read: even now, what it waits for may be there.
        else setImmediate(resolve, false);
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
