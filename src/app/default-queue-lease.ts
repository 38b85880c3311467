import { getQueue } from "../background/default-queue.ts";
import type { JobQueue } from "../background/engine/queue.ts";

/** How many servers of this process need a queue: the last one closes it. */
const users: WeakMap<JobQueue, number> = new WeakMap();

/**
 * Starts the default queue.
 *
 * @returns what closes it, unless another server needs it still
 * @throws JobError when the queue cannot be made or reached
 */
export async function startDefaultQueue(): Promise<(graceMs: number) => Promise<void>> {
  const queue = getQueue();
  users.set(queue, countOf(queue) + 1);
  try {
    await queue.start();
  } catch (error) {
    users.set(queue, countOf(queue) - 1);
    // It would go on trying, and keep the process alive; only stopped, it can be started by another attempt.
    if (countOf(queue) === 0) await queue.stop({ grace: 0 });
    throw error;
  }
  return async (graceMs) => {
    users.set(queue, countOf(queue) - 1);
    if (countOf(queue) === 0) await queue.close({ grace: graceMs });
  };
}

function countOf(queue: JobQueue): number {
  return users.get(queue) ?? 0;
}
