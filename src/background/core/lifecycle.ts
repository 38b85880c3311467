import type { JobStatus } from "./status.ts";
import type { JobRecord } from "./store.ts";

/** What may follow what. Nothing follows `completed`; `failed` and `cancelled` go on only when retried by hand. */
export const NEXT: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  pending: ["running", "cancelled"],
  running: ["pending", "completed", "failed", "cancelled"],
  completed: [],
  failed: ["pending"],
  cancelled: ["pending"],
};

/** Whether a status is an end. */
export function isDone(status: JobStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Whether a worker may take the job now. */
export function isClaimable(job: Pick<JobRecord, "status" | "runAt">, now: number): boolean {
  return job.status === "pending" && job.runAt <= now;
}

/** Whether a token owns the job's current attempt. An expired lease by itself takes nothing away. */
export function isHeldBy(job: { readonly status: JobStatus; readonly token: string | null }, token: string): boolean {
  return job.status === "running" && job.token === token;
}

/** Whether a running job's worker has let its lease run out. */
export function isLost(job: { readonly status: JobStatus; readonly leaseEndsAt: number }, now: number): boolean {
  return job.status === "running" && job.leaseEndsAt <= now;
}

/** Whether a cancel ends the job. */
export function isCancellable(status: JobStatus): boolean {
  return NEXT[status].includes("cancelled");
}

/** Whether a job can be sent back to pending by hand. */
export function isRetryable(status: JobStatus): boolean {
  return isDone(status) && NEXT[status].includes("pending");
}
