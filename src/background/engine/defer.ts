import type { Store } from "../core/store.ts";

/**
 * Calls back once the current work is done. For a remote store that is at the end of the running callback, so that the
 * call is written before the next answer is read; otherwise in the next turn of the event loop, since jobs that end at
 * once must not keep timers and I/O waiting.
 */
export function defer({ isRemote }: Store, callback: () => void): void {
  if (isRemote) process.nextTick(callback);
  else setImmediate(callback);
}
