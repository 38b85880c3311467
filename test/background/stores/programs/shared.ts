import {
  type JobQueue,
  RedisQueue,
  type RedisQueueOptions,
  SqliteQueue,
  type SqliteQueueOptions,
} from "rapidai/background";

/** Settings of a queue that several processes share: those of a file, which have a path, or those of a server. */
export type SharedOptions = SqliteQueueOptions | RedisQueueOptions;

export function queueOf(options: SharedOptions): JobQueue {
  return "path" in options ? new SqliteQueue(options) : new RedisQueue(options as RedisQueueOptions);
}
