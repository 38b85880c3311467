import type { FullJob } from "./api.ts";
import { type Resource, useResource } from "./resource.ts";

/** Log lines that a job keeps, and so does the page. */
const MAX_LINES = 1_000;

/** A job with all that is kept of it; its stream tells what changes, so that a large payload is asked for once. */
export function useFullJob(jobId: string): Resource<FullJob> {
  return useResource<FullJob>(`jobs/${encodeURIComponent(jobId)}`, { everyMs: 60_000, patch: patched });
}

function patched(job: FullJob, type: string, event: unknown): FullJob | undefined {
  if (typeof event !== "object" || event === null || !("jobId" in event) || event.jobId !== job.jobId) return undefined;
  if (type === "snapshot" || type === "job") return { ...job, ...event } as FullJob;
  if (type === "log" && "lines" in event && Array.isArray(event.lines)) {
    return { ...job, logs: [...job.logs, ...event.lines].slice(-MAX_LINES) };
  }
  return undefined;
}
