import { adoptDefault } from "../background/default-queue.ts";
import { InMemoryQueue } from "../background/queues.ts";
import type { ManualClock } from "./manual-clock.ts";

/**
 * Makes the default queue, that of tasks without one of their own, a queue in memory on a clock that the test moves. Tasks that are
 * there already work on it; close it at the end of the test, and the next one can have its own.
 *
 * @throws JobError `queue_conflict` when there is a default queue already: close that first, `await getQueue().close()`
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const queue = defaultQueueOn(clock);
 * const jobId = await sendEmail.enqueue({ to: "ada@example.com" });
 * await clock.drain();
 * await queue.close();
 * ```
 */
export function defaultQueueOn(clock: ManualClock): InMemoryQueue {
  const queue = new InMemoryQueue({ clock });
  try {
    adoptDefault(queue, { backend: "memory", url: "memory:" }, { clock });
  } catch (error) {
    void queue.close();
    throw error;
  }
  return queue;
}
