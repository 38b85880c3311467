import type { FullJob } from "./api.ts";
import { isFollowing } from "./live.ts";
import { type Resource, useResource } from "./resource.ts";

/** Most log lines that are kept, as on the server. */
const MAX_LINES = 1_000;

/** A job's details. Its stream sends changes only, so that a large payload is loaded once. */
export function useFullJob(jobId: string): Resource<FullJob> {
  const path = `jobs/${encodeURIComponent(jobId)}`;
  return useResource<FullJob>(path, {
    everyMs: 60_000,
    patch: (job, type, event) => patched(jobId, job, type, event),
    // A response may have lines that the stream is about to send, or lack lines that it has sent.
    merge: (job, newer) => (job !== undefined && isFollowing(`${path}/events`) ? { ...newer, logs: job.logs } : newer),
  });
}

function patched(jobId: string, job: FullJob | undefined, type: string, event: unknown): FullJob | undefined {
  if (typeof event !== "object" || event === null || !("jobId" in event) || event.jobId !== jobId) return undefined;
  if (type === "snapshot") return event as FullJob;
  if (job === undefined) return undefined;
  if (type === "job") return { ...job, ...event } as FullJob;
  if (type === "log" && "lines" in event && Array.isArray(event.lines)) {
    return { ...job, logs: [...job.logs, ...event.lines].slice(-MAX_LINES) };
  }
  return undefined;
}
