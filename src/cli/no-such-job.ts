import { JobError } from "../background/core/errors.ts";
import { instantOf } from "../background/core/id-time.ts";

/** The error of a command about a job that does not exist. */
export function noSuchJob(jobId: string): JobError {
  const madeAt = new Date(instantOf(jobId)).toISOString();
  const message = `Job ${jobId} was not found. Its id dates from ${madeAt}: since then the job was removed by the queue's retention or lost by its backend, or it was never enqueued here, but under another URL or prefix.`;
  return new JobError("job_not_found", message, { jobId });
}
