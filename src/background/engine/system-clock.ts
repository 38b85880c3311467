import type { Clock } from "../core/clock.ts";
import { MAX_TIMER_MS } from "../core/duration.ts";

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
