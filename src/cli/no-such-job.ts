import { JobError } from "../background/core/errors.ts";

/** The error of a command about a job that does not exist. */
export function noSuchJob(jobId: string): JobError {
  const message = `There is no job ${jobId}: it was never enqueued here, or is no longer kept.`;
  return new JobError("job_not_found", message, { jobId });
}
