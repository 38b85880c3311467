import type { Clock } from "../core/clock.ts";

/** The longest delay of a Node.js timer; more would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The system's time and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout;
    let leftMs = delayMs;
    const arm = () => {
      const stepMs = Math.min(leftMs, MAX_TIMER_MS);
      leftMs -= stepMs;
      timer = setTimeout(leftMs > 0 ? arm : callback, stepMs).unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
  join: () => () => {},
};
