import { JOB_STATUSES, type JobStatus } from "../../core/status.ts";

/** The statuses' numbers in the file, which must never change. Partial indexes use them too, see `schema.ts`. */
export const CODES: Readonly<Record<JobStatus, number>> = {
  pending: 0,
  running: 1,
  completed: 2,
  failed: 3,
  cancelled: 4,
};

const NAMES: readonly JobStatus[] = JOB_STATUSES.toSorted((a, b) => CODES[a] - CODES[b]);

/** The status of a number. An unknown one, written by another program, counts as failed: people see it, and can retry. */
export function statusOf(code: number): JobStatus {
  return NAMES[code] ?? "failed";
}
