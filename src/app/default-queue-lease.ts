import { getQueue } from "../background/default-queue.ts";
import type { JobQueue } from "../background/engine/queue.ts";

/** How many servers of this process use a queue: the last one to release it closes it. */
const users: WeakMap<JobQueue, number> = new WeakMap();

/**
 * Releases the queue. If no other server uses it, it stops claiming at once, and closes when its running jobs and
 * `requests` are done: requests may still query it until then.
 */
export type ReleaseQueue = (graceMs: number, requests: Promise<void>) => Promise<void>;

/**
 * Starts the default queue.
 *
 * @throws JobError when the queue cannot be created or reached
 */
export async function startDefaultQueue(): Promise<ReleaseQueue> {
  const queue = getQueue();
  users.set(queue, countOf(queue) + 1);
  try {
    await queue.start();
  } catch (error) {
    users.set(queue, countOf(queue) - 1);
    // Otherwise it would keep retrying, and keep the process alive. Stopped, not closed, so that it can be started later.
    if (countOf(queue) === 0) await queue.stop({ grace: 0 });
    throw error;
  }
  return async (graceMs, requests) => {
    const endsAt = performance.now() + graceMs;
    users.set(queue, countOf(queue) - 1);
    const stopped = countOf(queue) === 0 ? queue.stop({ grace: graceMs }) : undefined;
    await Promise.all([requests, stopped]);
    // Another server may have started in the meantime.
    if (countOf(queue) === 0) await queue.close({ grace: Math.max(0, endsAt - performance.now()) });
  };
}

function countOf(queue: JobQueue): number {
  return users.get(queue) ?? 0;
}
