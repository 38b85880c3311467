import type { Store } from "../core/store.ts";

/**
 * Calls back when all that follows at once from what happens now has happened: over a network at the end of this turn of
 * the event loop, so that the call is written before the next answer is read; else with the next one, since jobs that end
 * at once must not keep timers and I/O waiting.
 */
export function soon({ isRemote }: Store, callback: () => void): void {
  if (isRemote) process.nextTick(callback);
  else setImmediate(callback);
}
