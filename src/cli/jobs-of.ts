import { firstIdAt, narrowest } from "../background/core/id-time.ts";
import type { JobResult } from "../background/core/result.ts";
import type { JobStatus } from "../background/core/status.ts";
import type { JobQueue } from "../background/engine/queue.ts";

/** Which jobs a command is about. */
export interface JobSelection {
  readonly status?: JobStatus | undefined;
  readonly task?: string | undefined;
  readonly before?: string | undefined;
  /** Only those that were created then or later. */
  readonly since?: Date | undefined;
  /** Only those that were created earlier. */
  readonly until?: Date | undefined;
  /** Only those that completed, failed or were cancelled then or later. */
  readonly finishedSince?: Date | undefined;
  /** Only those that did so earlier. */
  readonly finishedUntil?: Date | undefined;
}

/** Jobs that are in memory at a time: results may be large. */
const PAGE = 100;

/** Jobs, newest first, read a page at a time as they are asked for. */
export async function* jobsOf(
  queue: JobQueue,
  { status, task, before, since, until, finishedSince, finishedUntil }: JobSelection,
  limit: number,
): AsyncGenerator<JobResult> {
  // No queue has them in the order of their end: all are looked through.
  const isChosen = finishedSince !== undefined || finishedUntil !== undefined;
  const isWithin = ({ completedAt }: JobResult) =>
    completedAt !== null &&
    (finishedSince === undefined || completedAt >= finishedSince) &&
    (finishedUntil === undefined || completedAt < finishedUntil);
  const first = since && firstIdAt(since.getTime());
  let cursor = narrowest(before, until && firstIdAt(until.getTime()));
  for (let left = limit; left > 0; ) {
    const size = isChosen ? PAGE : Math.min(left, PAGE);
    const page = await queue.listJobs({ status, task, before: cursor, limit: size });
    for (const job of page) {
      if (first !== undefined && job.jobId < first) return;
      if (isChosen && !isWithin(job)) continue;
      yield job;
      if (--left === 0) return;
    }
    cursor = page.at(-1)?.jobId;
    if (cursor === undefined || page.length < size) return;
  }
}

/** Whether it leaves out jobs by when they were created or done. */
export function isBounded({ before, since, until, finishedSince, finishedUntil }: JobSelection): boolean {
  return [before, since, until, finishedSince, finishedUntil].some((bound) => bound !== undefined);
}

/** How many jobs there are of a selection, whenever they were created. */
export async function countOf(queue: JobQueue, { status, task }: JobSelection): Promise<number> {
  const { byStatus, byTask } = await queue.counts();
  const counts = task === undefined ? byStatus : byTask[task];
  if (counts === undefined) return 0;
  return status === undefined ? Object.values(counts).reduce((sum, count) => sum + count, 0) : counts[status];
}
