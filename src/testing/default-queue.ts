import { adoptDefault } from "../background/default-queue.ts";
import { InMemoryQueue } from "../background/queues.ts";
import type { ManualClock } from "./manual-clock.ts";

/**
 * Makes an in-memory queue on a manual clock the default queue, which tasks without a queue of their own use, including
 * tasks that exist already. Close it at the end of the test, so that the next test can have its own.
 *
 * @throws JobError `queue_conflict` when there is a default queue already: close it first, `await getQueue().close()`
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
