export type { StandardSchemaV1 } from "@standard-schema/spec";
export type { Backend } from "./backend-url.ts";
export { background } from "./background.ts";
export type { Backoff, ExponentialBackoff } from "./core/backoff.ts";
export type { Clock, ClockMember, TimeSource } from "./core/clock.ts";
export type { Duration } from "./core/duration.ts";
export { PermanentError, RetryAfterError } from "./core/endings.ts";
export { JobError, type JobErrorCode, type JobErrorDetails } from "./core/errors.ts";
export type { Cause, CauseCode, Explanation } from "./core/explanation.ts";
export type { ValueLimits } from "./core/limits.ts";
export type { ProgressUpdate } from "./core/progress.ts";
export type {
  AttemptError,
  AttemptHistory,
  CancelledJob,
  CompletedJob,
  FailedJob,
  FinishedJob,
  JobDetails,
  JobResult,
  PendingJob,
  RunningJob,
} from "./core/result.ts";
export { JobStatus, parseJobStatus } from "./core/status.ts";
export type { HealthWarning, Progress, StatusCounts, Usage, WorkerPresence } from "./core/store.ts";
export { type GetQueueOptions, getQueue } from "./default-queue.ts";
export type { Counts } from "./engine/counts.ts";
export { currentJob } from "./engine/current-job.ts";
export { jobIdOf } from "./engine/derived-id.ts";
export type { EnqueueArgs, Enqueueable, EnqueueManyOptions, EnqueueOptions } from "./engine/enqueue.ts";
export type { Health } from "./engine/health.ts";
export { newJobId } from "./engine/ids.ts";
export type { Job } from "./engine/job.ts";
export type { Logger } from "./engine/logger.ts";
export {
  type AttemptEnd,
  type AttemptSpan,
  type AttemptSpanInit,
  type EnqueueSpan,
  type EnqueueSpanInit,
  type Observed,
  type ObservedQueue,
  type Observer,
  observe,
} from "./engine/observer.ts";
export type { OldestDue } from "./engine/oldest-due.ts";
export type { CancelOptions, FinishedJobs, JobQueue, WaitOptions } from "./engine/queue.ts";
export type { AttemptEvent, EventName, JobEvent, Listener, QueueEvents } from "./engine/queue-events.ts";
export type { QueueOptions, RetentionOptions } from "./engine/queue-options.ts";
export type { JobFilter } from "./engine/reader.ts";
export type { PruneOptions } from "./engine/sweep.ts";
export type {
  AnyTask,
  Checked,
  Task,
  TaskOptions,
  TaskOptionsFor,
  TaskOptionsWithoutSchema,
  TaskOptionsWithSchema,
  Unchecked,
} from "./engine/task.ts";
export { InMemoryQueue, RedisQueue, type RedisQueueOptions, SqliteQueue, type SqliteQueueOptions } from "./queues.ts";
export type { RedisClient } from "./stores/redis/users-client.ts";
export type { Durability } from "./stores/sqlite/connection.ts";
