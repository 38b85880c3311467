import { JOB_STATUSES, type JobStatus } from "../../core/status.ts";

/** Statuses as the file has them: the numbers are there for ever. Partial indexes name them too, see `schema.ts`. */
export const CODES: Readonly<Record<JobStatus, number>> = {
  pending: 0,
  running: 1,
  completed: 2,
  failed: 3,
  cancelled: 4,
};

const NAMES: readonly JobStatus[] = JOB_STATUSES.toSorted((a, b) => CODES[a] - CODES[b]);

/** The status of a number; what somebody else put there is taken for failed, which people see, and can retry. */
export function statusOf(code: number): JobStatus {
  return NAMES[code] ?? "failed";
}
