import type { Explanation } from "../background/core/explanation.ts";
import type { JobDetails, JobResult } from "../background/core/result.ts";

/** A job as the API shows it: the plain JSON of a JobResult or JobDetails. */
export interface ShownJob {
  readonly jobId: string;
  readonly task: string;
  readonly status: string;
  [field: string]: unknown;
}

/**
 * Takes out of a job what is not to be seen: gets a copy that it may change, and returns what is shown. It is asked for
 * every job that is shown, also in live events, and for the text that a search looks through.
 *
 * @example
 * ```ts
 * const redact: Redact = (job) => ({ ...job, payload: job.task === "charge" ? "[hidden]" : job.payload });
 * ```
 */
export type Redact = (job: ShownJob) => ShownJob;

/** A job as it may be seen. */
export function showJob(job: JobResult | JobDetails, redact: Redact | undefined): ShownJob {
  if (redact === undefined) return (job as unknown as { toJSON(): ShownJob }).toJSON();
  // By way of text: what is changed in the copy changes nothing elsewhere.
  const shown: unknown = redact(JSON.parse(JSON.stringify(job)) as ShownJob);
  if (isShown(shown)) return shown;
  throw new TypeError("The hook redact has to return the job as it may be seen, and no promise of it.");
}

function isShown(value: unknown): value is ShownJob {
  return typeof value === "object" && value !== null && "jobId" in value;
}

/** An explanation as it may be seen: what it quotes from the job is what may be seen of the job. */
export function showExplanation(
  explanation: Explanation,
  job: JobDetails | null,
  redact: Redact | undefined,
): Explanation {
  if (redact === undefined || job === null) return explanation;
  const shown = showJob(job, redact);
  const swaps = [
    [job.cancelledBy, shown.cancelledBy],
    [job.progress?.message, (shown.progress as { readonly message?: unknown } | null)?.message],
  ].filter(([was, is]) => typeof was === "string" && was !== "" && was !== is);
  const swap = (text: string) =>
    swaps.reduce(
      (rest, [was, is]) => rest.replaceAll(was as string, () => (typeof is === "string" ? is : "[hidden]")),
      text,
    );
  return {
    ...explanation,
    summary: swap(explanation.summary),
    causes: explanation.causes.map((cause) => ({
      ...cause,
      message: swap(cause.message),
      detail: cause.detail === null ? null : detailOf(shown, job, cause.detail),
    })),
  };
}

/** The detail is the last error with its name before it. */
function detailOf(shown: ShownJob, job: JobDetails, detail: string): string | null {
  if (shown.error === job.error) return detail;
  return typeof shown.error === "string" ? shown.error : null;
}
