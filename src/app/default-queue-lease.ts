import { getQueue } from "../background/default-queue.ts";
import type { JobQueue } from "../background/engine/queue.ts";

/** How many servers of this process need a queue: the last one closes it. */
const users: WeakMap<JobQueue, number> = new WeakMap();

/** Lets go of a queue: it claims nothing more, and is closed once its running jobs and the requests are done, which may ask it until then. */
export type LetGo = (graceMs: number, requests: Promise<void>) => Promise<void>;

/**
 * Starts the default queue.
 *
 * @returns what lets go of it, unless another server needs it still
 * @throws JobError when the queue cannot be made or reached
 */
export async function startDefaultQueue(): Promise<LetGo> {
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
  return async (graceMs, requests) => {
    const endsAt = performance.now() + graceMs;
    users.set(queue, countOf(queue) - 1);
    const stopped = countOf(queue) === 0 ? queue.stop({ grace: graceMs }) : undefined;
    await Promise.all([requests, stopped]);
    // Another server may have begun meanwhile.
    if (countOf(queue) === 0) await queue.close({ grace: Math.max(0, endsAt - performance.now()) });
  };
}

function countOf(queue: JobQueue): number {
  return users.get(queue) ?? 0;
}
