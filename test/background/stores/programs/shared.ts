import {
  type JobQueue,
  RedisQueue,
  type RedisQueueOptions,
  SqliteQueue,
  type SqliteQueueOptions,
} from "rapidai/background";

/** Options of a queue that several processes share: of a file, if they have a path, or of a server. */
export type SharedOptions = SqliteQueueOptions | RedisQueueOptions;

export function queueOf(options: SharedOptions): JobQueue {
  return "path" in options ? new SqliteQueue(options) : new RedisQueue(options as RedisQueueOptions);
}
