import { JobError } from "./errors.ts";

/** The five states of a job. `pending` covers new, delayed and waiting to be retried: they differ in `runAt` alone. */
export const JobStatus: {
  readonly PENDING: "pending";
  readonly RUNNING: "running";
  readonly COMPLETED: "completed";
  readonly FAILED: "failed";
  readonly CANCELLED: "cancelled";
} = {
  PENDING: "pending",
  RUNNING: "running",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
};

/** One of the five states of a job. */
export type JobStatus = "pending" | "running" | "completed" | "failed" | "cancelled";

/** All five, in the order of a job's life. */
export const JOB_STATUSES: readonly JobStatus[] = Object.values(JobStatus);

/**
 * Parses text from outside, such as a query parameter, as a status.
 *
 * @throws JobError `invalid_status`, which lists the five; App answers it with 400
 * @example parseJobStatus("failed") // "failed"
 */
export function parseJobStatus(text: unknown): JobStatus {
  const status = JOB_STATUSES.find((known) => known === text);
  if (status !== undefined) return status;
  const given = typeof text === "string" ? JSON.stringify(text.slice(0, 40)) : `a value of type ${typeof text}`;
  throw new JobError("invalid_status", `A job status cannot be ${given}: use one of ${JOB_STATUSES.join(", ")}.`);
}
