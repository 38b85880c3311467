import { toPlain } from "../background/core/plain.ts";
import type { JobDetails, JobResult } from "../background/core/result.ts";
import type { JobStatus } from "../background/core/status.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import type { JobSelection } from "./job-filter.ts";
import { type Redact, showJob } from "./redaction.ts";

/** Jobs that fit, newest first. */
interface Found {
  readonly jobs: readonly JobResult[];
  /** Where to go on; `null` at the end. */
  readonly next: string | null;
  /** A bound ended it before it was full: there may be more that fit, from `next` on. */
  readonly isPartial: boolean;
  /** Jobs that were looked at. */
  readonly looked: number;
}

/** What one request may cost. */
export interface PageBounds {
  /** Jobs whose payload a search reads. */
  readonly searched: number;
  /** Milliseconds that a search goes on for. */
  readonly searchMs: number;
  /** Characters of JSON after which a page ends. */
  readonly pageSize: number;
}

export const PAGE_BOUNDS: PageBounds = { searched: 1_000, searchMs: 50, pageSize: 4 * 1_048_576 };

/** Payloads that are in memory at a time: each may be large. */
const CHUNK = 25;

/** A page as it may be seen, as JSON text: `{ jobs, next, isPartial, looked }`. */
export async function pageText(
  queue: JobQueue,
  selection: JobSelection,
  redact: Redact | undefined,
  bounds: PageBounds,
): Promise<string> {
  const { jobs, ...found } = await findJobs(queue, selection, selection.status ?? null, redact, bounds);
  const texts: string[] = [];
  let size = 0;
  for (const job of jobs) {
    // At least one, or a large job could never be passed.
    if (size > bounds.pageSize) break;
    const text = JSON.stringify(showJob(job, redact));
    texts.push(text);
    size += text.length;
  }
  const isCut = texts.length < jobs.length;
  const rest = isCut ? { ...found, next: jobs[texts.length - 1]?.jobId ?? null, isPartial: true } : found;
  return `{"jobs":[${texts.join(",")}],${JSON.stringify(rest).slice(1)}`;
}

/** Jobs that fit a selection, in these states (`null` for all), newest first. */
export async function findJobs(
  queue: JobQueue,
  selection: JobSelection,
  statuses: JobStatus | readonly JobStatus[] | null,
  redact: Redact | undefined,
  bounds: PageBounds,
): Promise<Found> {
  if (selection.search === undefined) {
    const page = await listFrom(queue, selection, statuses, selection.before, selection.limit);
    return { ...page, isPartial: false, looked: page.jobs.length };
  }
  return search(queue, selection, selection.search, statuses, redact, bounds);
}

async function search(
  queue: JobQueue,
  selection: JobSelection,
  text: string,
  statuses: JobStatus | readonly JobStatus[] | null,
  redact: Redact | undefined,
  bounds: PageBounds,
): Promise<Found> {
  const endsAt = performance.now() + bounds.searchMs;
  const jobs: JobResult[] = [];
  let looked = 0;
  let before = selection.before;
  for (;;) {
    const page = await listFrom(queue, selection, statuses, before, Math.min(CHUNK, bounds.searched - looked));
    // In one call to the store: those of one turn travel together.
    const details = await Promise.all(page.jobs.map(({ jobId }) => queue.getDetails(jobId)));
    for (const [index, job] of page.jobs.entries()) {
      looked++;
      before = job.jobId;
      const detail = details[index];
      if (detail && contains(detail, text, redact)) jobs.push(job);
      const isLast = index === page.jobs.length - 1 && page.next === null;
      if (jobs.length === selection.limit) return { jobs, next: isLast ? null : before, isPartial: false, looked };
    }
    if (page.next === null) return { jobs, next: null, isPartial: false, looked };
    if (looked >= bounds.searched || performance.now() >= endsAt)
      return { jobs, next: before ?? null, isPartial: true, looked };
  }
}

/** Whether the payload, as it may be seen, has the text: nothing can be found out about what is hidden. */
function contains(job: JobDetails, text: string, redact: Redact | undefined): boolean {
  const payload = redact === undefined ? toPlain(job.payload) : showJob(job, redact).payload;
  const shown = typeof payload === "string" ? payload : (JSON.stringify(payload) ?? "");
  return shown.toLowerCase().includes(text);
}

async function listFrom(
  queue: JobQueue,
  { task, from }: JobSelection,
  statuses: JobStatus | readonly JobStatus[] | null,
  before: string | undefined,
  limit: number,
): Promise<{ readonly jobs: readonly JobResult[]; readonly next: string | null }> {
  const each = statuses === null ? [undefined] : typeof statuses === "string" ? [statuses] : statuses;
  const lists = await Promise.all(each.map((status) => queue.listJobs({ status, task, before, limit })));
  const newest = lists.flat().sort((a, b) => (a.jobId < b.jobId ? 1 : -1));
  const page = newest.slice(0, limit);
  const jobs = from === undefined ? page : page.filter(({ jobId }) => jobId >= from);
  const isMore = jobs.length === page.length && page.length === limit;
  return { jobs, next: isMore ? (jobs.at(-1)?.jobId ?? null) : null };
}
