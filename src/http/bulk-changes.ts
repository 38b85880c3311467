import type { JobResult } from "../background/core/result.ts";
import type { JobStatus } from "../background/core/status.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { invalidRequest } from "./http-error.ts";
import type { JobSelection } from "./job-filter.ts";
import { findJobs, type PageBounds } from "./job-pages.ts";
import type { Redact } from "./redaction.ts";

/** The result of a bulk change. */
export interface BulkAnswer {
  /** Jobs that this call changed; some that matched may have changed state before it could. */
  readonly changed: number;
  /** Jobs examined. */
  readonly looked: number;
  /** The cursor to continue from; `null` at the end. */
  readonly next: string | null;
}

/** The statuses from which each change is possible. */
const POSSIBLE_FROM: Readonly<Record<BulkKind, readonly JobStatus[]>> = {
  cancel: ["pending", "running"],
  retry: ["failed", "cancelled"],
};

export type BulkKind = "cancel" | "retry";

/** Cancels or retries one page of the jobs that match the selection. */
export async function changeJobs(
  kind: BulkKind,
  queue: JobQueue,
  selection: JobSelection,
  by: string | undefined,
  redact: Redact | undefined,
  bounds: PageBounds,
): Promise<BulkAnswer> {
  const possible = POSSIBLE_FROM[kind];
  const { status } = selection;
  if (status !== undefined && !possible.includes(status)) {
    throw invalidRequest(
      `Jobs that are ${status} cannot be ${kind === "cancel" ? "cancelled" : "retried"}: use the status ${possible.join(" or ")}.`,
    );
  }
  const ids: string[] = [];
  const take = ({ jobId }: JobResult) => ids.push(jobId) > 0;
  const { looked, next } = await findJobs(queue, selection, status ?? possible, redact, bounds, take);
  const change = (jobId: string) => (kind === "cancel" ? queue.cancel(jobId, { by }) : queue.retry(jobId));
  const answers = await Promise.all(ids.map(change));
  return { changed: answers.filter((isChanged) => isChanged).length, looked, next };
}
