import { join } from "node:path";
import { type Duration, InMemoryQueue, type JobQueue, RedisQueue, SqliteQueue } from "rapidai/background";

/** Short, so that the job of a killed worker is soon recovered. */
const LEASE: Duration = "2s";
const CONCURRENCY = 3;

/** Where the demo's jobs are stored: a file in its folder, unless RAPIDAI_QUEUE_URL names another place. */
export function queueUrl(folder: string): string {
  return process.env.RAPIDAI_QUEUE_URL || `sqlite:${join(folder, "jobs.db")}`;
}

/** Whether other processes can see the queue. */
export function isShared(url: string): boolean {
  return !url.startsWith("memory:");
}

/** @param worker whether this process runs jobs, or only enqueues and reads */
export function queueAt(url: string, worker: boolean): JobQueue {
  const options = { concurrency: CONCURRENCY, lease: LEASE, worker };
  if (!isShared(url)) return new InMemoryQueue({ concurrency: CONCURRENCY });
  if (url.startsWith("sqlite:")) return new SqliteQueue({ path: url.slice("sqlite:".length), ...options });
  return new RedisQueue({ url, prefix: "rapidai:demo:", ...options });
}
