import { JobError } from "../background/core/errors.ts";

/** The error of a command about a job that does not exist. */
export function noSuchJob(jobId: string): JobError {
  const message = `Job ${jobId} was not found: it was never enqueued here, or was removed by the queue's retention.`;
  return new JobError("job_not_found", message, { jobId });
}
