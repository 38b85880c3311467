import { checkOptions } from "./core/options.ts";
import { JobQueue } from "./engine/queue.ts";
import { QUEUE_OPTIONS, type QueueOptions, queueSettings } from "./engine/queue-options.ts";
import { MemoryStore } from "./stores/memory/store.ts";

/** Finished jobs of each kind that a queue in memory keeps, unless told otherwise. */
const KEPT_IN_MEMORY = 10_000;

/**
 * A queue in this process's memory: nothing to install and the fastest, and its jobs end with the process.
 *
 * Unfinished jobs, waiting to be retried or delayed ones among them, keep the process alive.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const queue = new InMemoryQueue({ concurrency: 4 });
 * const resize = background({ queue }, async function resize(path: string) {
 *   return { path };
 * });
 * ```
 */
export class InMemoryQueue extends JobQueue {
  constructor(options: QueueOptions = {}) {
    checkOptions(options, QUEUE_OPTIONS, "options of an InMemoryQueue");
    const settings = queueSettings(options, KEPT_IN_MEMORY);
    super(new MemoryStore({ clock: settings.clock }), settings);
  }
}
