import { percentOf } from "../../src/background/core/percent.ts";
import type { Job } from "../api.ts";
import { useNow } from "../clock.ts";
import { coarse, count, visible } from "../format.ts";

/** A job's progress. */
export function ProgressBar({ job, isWide = false }: { readonly job: Job; readonly isWide?: boolean }) {
  const { progress } = job;
  if (progress === null) return null;
  const { fraction, done, total, message } = progress;
  const label = fraction === null ? "in progress" : percentOf(fraction);
  return (
    <div class={isWide ? "progress is-wide" : "progress"}>
      <progress max={1} {...(fraction !== null && { value: fraction })} aria-label={`Progress of job ${job.jobId}`} />
      <span class="progress-text">{label}</span>
      {isWide && done !== null && (
        <span class="muted">{total === null ? count(done) : `${count(done)} of ${count(total)}`}</span>
      )}
      {isWide && <Remaining job={job} />}
      {isWide && message !== null && <span class="progress-message">{visible(message)}</span>}
    </div>
  );
}

/** The estimated time left. */
function Remaining({ job }: { readonly job: Job }) {
  const now = useNow();
  if (job.status !== "running" || job.estimatedCompletion === null) return null;
  const leftMs = Date.parse(job.estimatedCompletion) - now;
  return <span class="muted">{leftMs < 1_000 ? "done any moment" : `about ${coarse(leftMs)} left`}</span>;
}
