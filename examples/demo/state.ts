import type { JobView } from "./client.ts";
import type { Sent } from "./watch.ts";

/** The state of a job in a few words. */
export function stateOf({ job, isOrphan }: Sent, now: number): string {
  if (isOrphan) return `${percentOf(job)}  worker killed`;
  switch (job.status) {
    case "pending":
      return job.error === null ? "waiting" : `${nextAttempt(job, now)}: ${job.error}`;
    case "running":
      return [percentOf(job), job.progress?.message].filter(Boolean).join("  ");
    case "completed":
      return `done in ${seconds(job.duration)}`;
    case "cancelled":
      return `cancelled at ${percentOf(job)}`;
    case "failed":
      return `failed: ${job.error}`;
  }
}

function percentOf({ progress }: JobView): string {
  return `${Math.floor((progress?.fraction ?? 0) * 100)} %`;
}

export function seconds(duration: number | null): string {
  const s = duration ?? 0;
  return s < 0.1 ? `${Math.round(s * 1_000)} ms` : `${s.toFixed(1)} s`;
}

function nextAttempt({ attempts, maxRetries, runAt }: JobView, now: number): string {
  const waitS = Math.max(0, Date.parse(runAt) - now) / 1_000;
  return `attempt ${attempts + 1} of ${maxRetries + 1} in ${waitS.toFixed(1)} s`;
}
