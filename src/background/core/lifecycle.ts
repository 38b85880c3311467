import type { JobStatus } from "./status.ts";
import type { JobRecord } from "./store.ts";

/** The allowed transitions. Nothing follows `completed`; only a retry by hand leads out of `failed` and `cancelled`. */
export const NEXT: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  pending: ["running", "cancelled"],
  running: ["pending", "completed", "failed", "cancelled"],
  completed: [],
  failed: ["pending"],
  cancelled: ["pending"],
};

/** Whether a status is final, but for a retry by hand. */
export function isDone(status: JobStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Whether a worker may take the job now. */
export function isClaimable(job: Pick<JobRecord, "status" | "runAt">, now: number): boolean {
  return job.status === "pending" && job.runAt <= now;
}

/** Whether a token owns the job's current attempt, as it still does after its lease has expired. */
export function isHeldBy(job: { readonly status: JobStatus; readonly token: string | null }, token: string): boolean {
  return job.status === "running" && job.token === token;
}

/** Whether a running job's lease has expired. */
export function isLost(job: { readonly status: JobStatus; readonly leaseEndsAt: number }, now: number): boolean {
  return job.status === "running" && job.leaseEndsAt <= now;
}

/** Whether a cancel would end the job. */
export function isCancellable(status: JobStatus): boolean {
  return NEXT[status].includes("cancelled");
}

/** Whether the job can be retried by hand. */
export function isRetryable(status: JobStatus): boolean {
  return isDone(status) && NEXT[status].includes("pending");
}
