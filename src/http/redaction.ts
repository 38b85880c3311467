import type { Explanation } from "../background/core/explanation.ts";
import type { JobDetails, JobResult } from "../background/core/result.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { HttpError } from "./http-error.ts";
import { within } from "./within.ts";

/** A job as the API shows it: the plain JSON of a JobResult or JobDetails. */
export interface ShownJob {
  readonly jobId: string;
  readonly task: string;
  readonly status: string;
  [field: string]: unknown;
}

/**
 * Takes out of a job what is not to be seen: gets a copy that it may change, and returns what is shown. It is asked for
 * every job that is shown, also in live events, and for the text that a search looks through. What it leaves out is shown
 * as `null`, and of lists as an empty one.
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
  const copy = JSON.parse(JSON.stringify(job)) as ShownJob;
  const fields = Object.entries(copy);
  const shown: unknown = redact(copy);
  if (!isShown(shown)) {
    throw new TypeError("The hook redact has to return the job as it may be seen, and no promise of it.");
  }
  // What it took out whole is still there for who relies on it, and empty.
  const empty = fields.map(([name, was]) => [name, shown[name] ?? (Array.isArray(was) ? [] : null)]);
  return { ...shown, ...Object.fromEntries(empty) };
}

function isShown(value: unknown): value is ShownJob {
  return typeof value === "object" && value !== null && "jobId" in value;
}

/** How often a job is looked at that changes each time. */
const MAX_LOOKS = 5;
/** How long a store may take to say how the job was before. */
const READ_MS = 2_000;

/**
 * Why a job is where it is, as far as that may be seen; `null` when it is not there. What an explanation quotes is known only
 * of a job that was the same before and after.
 *
 * @throws HttpError 503 when it never is
 */
export async function explainShown(
  queue: JobQueue,
  jobId: string,
  redact: Redact | undefined,
): Promise<Explanation | null> {
  if (redact === undefined) return queue.explain(jobId);
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    // A store that is away, or hangs, is explained, too.
    const before = await within(READ_MS, queue.getDetails(jobId)).catch(() => null);
    const explanation = await queue.explain(jobId);
    // Nothing is quoted of a job that could not be read.
    if (explanation === null || explanation.status === null) return explanation;
    const job = await queue.getDetails(jobId);
    if (before !== null && job !== null && quotedOf(before) === quotedOf(job)) {
      return showExplanation(explanation, job, redact);
    }
  }
  throw new HttpError(503, "changing", "The job changes too fast to be explained. Try again.", { "retry-after": "1" });
}

function quotedOf({ status, attempts, error, cancelledBy, progress }: JobDetails): string {
  return JSON.stringify([status, attempts, error, cancelledBy, progress?.message]);
}

/** What it quotes from the job is what may be seen of the job. */
function showExplanation(explanation: Explanation, job: JobDetails, redact: Redact): Explanation {
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
