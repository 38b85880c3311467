import { firstIdAt, lowestBound } from "../background/core/id-time.ts";
import type { JobResult } from "../background/core/result.ts";
import type { JobStatus } from "../background/core/status.ts";
import { countsIn } from "../background/engine/counts.ts";
import type { JobQueue } from "../background/engine/queue.ts";

/** Selects the jobs that a command is about. */
export interface JobSelection {
  readonly status?: JobStatus | undefined;
  readonly task?: string | undefined;
  /** Only jobs whose id is less than this one. */
  readonly before?: string | undefined;
  /** Only jobs created at this time or later. */
  readonly since?: Date | undefined;
  /** Only jobs created before this time. */
  readonly until?: Date | undefined;
  /** Only jobs that completed, failed or were cancelled at this time or later. */
  readonly finishedSince?: Date | undefined;
  /** Only jobs that completed, failed or were cancelled before this time. */
  readonly finishedUntil?: Date | undefined;
}

/** How many jobs are read at a time, since results may be large. */
const PAGE = 100;

/** Yields the selected jobs, newest first, and reads page by page as needed. */
export async function* jobsOf(
  queue: JobQueue,
  { status, task, before, since, until, finishedSince, finishedUntil }: JobSelection,
  limit: number,
): AsyncGenerator<JobResult> {
  // Queues cannot list jobs by when they finished, so all are read and filtered here.
  const isFiltered = finishedSince !== undefined || finishedUntil !== undefined;
  const isWithin = ({ completedAt }: JobResult) =>
    completedAt !== null &&
    (finishedSince === undefined || completedAt >= finishedSince) &&
    (finishedUntil === undefined || completedAt < finishedUntil);
  const first = since && firstIdAt(since.getTime());
  let cursor = lowestBound(before, until && firstIdAt(until.getTime()));
  for (let left = limit; left > 0; ) {
    const size = isFiltered ? PAGE : Math.min(left, PAGE);
    const page = await queue.listJobs({ status, task, before: cursor, limit: size });
    for (const job of page) {
      if (first !== undefined && job.jobId < first) return;
      if (isFiltered && !isWithin(job)) continue;
      yield job;
      if (--left === 0) return;
    }
    cursor = page.at(-1)?.jobId;
    if (cursor === undefined || page.length < size) return;
  }
}

/** Whether the selection is limited by a cursor or by times. */
export function isBounded({ before, since, until, finishedSince, finishedUntil }: JobSelection): boolean {
  return [before, since, until, finishedSince, finishedUntil].some((bound) => bound !== undefined);
}

/** How many jobs match a selection's status and task; its other limits are ignored. */
export async function countOf(queue: JobQueue, { status, task }: JobSelection): Promise<number> {
  const counts = countsIn(await queue.counts(), task);
  if (counts === undefined) return 0;
  return status === undefined ? Object.values(counts).reduce((sum, count) => sum + count, 0) : counts[status];
}
