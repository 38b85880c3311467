import type { Explanation } from "../background/core/explanation.ts";
import type { JobDetails, JobResult } from "../background/core/result.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { HttpError } from "./http-error.ts";
import { within } from "./within.ts";

/** A job as shown by the API: the plain JSON of a JobResult or JobDetails. */
export interface ShownJob {
  readonly jobId: string;
  readonly task: string;
  readonly status: string;
  [field: string]: unknown;
}

/**
 * Removes confidential data from a job. It gets a copy, which it may modify, and returns the job to show. It is called
 * for every job that is shown, also in live events, and for every job that a search examines. Fields that it leaves out
 * are shown as `null`, or as an empty list.
 *
 * @example
 * ```ts
 * const redact: Redact = (job) => ({ ...job, payload: job.task === "charge" ? "[hidden]" : job.payload });
 * ```
 */
export type Redact = (job: ShownJob) => ShownJob;

/** A job as it may be shown. */
export function showJob(job: JobResult | JobDetails, redact: Redact | undefined): ShownJob {
  if (redact === undefined) return (job as unknown as { toJSON(): ShownJob }).toJSON();
  // A deep copy, so that the hook can modify it.
  const copy = JSON.parse(JSON.stringify(job)) as ShownJob;
  const fields = Object.entries(copy);
  const shown: unknown = redact(copy);
  if (!isShown(shown)) {
    throw new TypeError("The redact hook must return the job as it may be seen, not a promise.");
  }
  // Clients rely on every field, so those that the hook left out are filled in.
  const empty = fields.map(([name, was]) => [name, shown[name] ?? (Array.isArray(was) ? [] : null)]);
  return { ...shown, ...Object.fromEntries(empty) };
}

function isShown(value: unknown): value is ShownJob {
  return typeof value === "object" && value !== null && "jobId" in value;
}

/** How many times a job is explained that changes meanwhile. */
const MAX_TRIES = 5;
/** How long the store may take to read the job before it is explained. */
const READ_TIMEOUT_MS = 2_000;

/**
 * Explains a job's status, redacted; `null` if the job does not exist. What an explanation quotes from the job can only
 * be redacted if the job did not change while it was explained.
 *
 * @throws HttpError 503 if it changes each time
 */
export async function explainShown(
  queue: JobQueue,
  jobId: string,
  redact: Redact | undefined,
): Promise<Explanation | null> {
  if (redact === undefined) return queue.explain(jobId);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    // A store that is unreachable or hangs has an explanation too.
    const before = await within(READ_TIMEOUT_MS, queue.getDetails(jobId)).catch(() => null);
    const explanation = await queue.explain(jobId);
    // An explanation quotes nothing from a job that it could not read.
    if (explanation === null || explanation.status === null) return explanation;
    const job = await queue.getDetails(jobId);
    if (before !== null && job !== null && quotedOf(before) === quotedOf(job)) {
      return showExplanation(explanation, job, redact);
    }
  }
  throw new HttpError(503, "changing", "The job is changing too fast to be explained: try again.", {
    "retry-after": "1",
  });
}

function quotedOf({ status, attempts, error, cancelledBy, progress }: JobDetails): string {
  return JSON.stringify([status, attempts, error, cancelledBy, progress?.message]);
}

/** Redacts what an explanation quotes from the job. */
function showExplanation(explanation: Explanation, job: JobDetails, redact: Redact): Explanation {
  const shown = showJob(job, redact);
  const replacements = [
    [job.cancelledBy, shown.cancelledBy],
    [job.progress?.message, (shown.progress as { readonly message?: unknown } | null)?.message],
  ].filter(([was, is]) => typeof was === "string" && was !== "" && was !== is);
  const replaced = (text: string) =>
    replacements.reduce(
      (rest, [was, is]) => rest.replaceAll(was as string, () => (typeof is === "string" ? is : "[hidden]")),
      text,
    );
  return {
    ...explanation,
    summary: replaced(explanation.summary),
    causes: explanation.causes.map((cause) => ({
      ...cause,
      message: replaced(cause.message),
      detail: cause.detail === null ? null : detailOf(shown, job, cause.detail),
    })),
  };
}

/** A cause's detail is the job's last error, prefixed with the error's name. */
function detailOf(shown: ShownJob, job: JobDetails, detail: string): string | null {
  if (shown.error === job.error) return detail;
  return typeof shown.error === "string" ? shown.error : null;
}
