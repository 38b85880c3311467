export {
  background,
  currentJob,
  getQueue,
  InMemoryQueue,
  type Job,
  JobError,
  type JobResult,
  JobStatus,
  PermanentError,
  parseJobStatus,
  RetryAfterError,
} from "./background/index.ts";
