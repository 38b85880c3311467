import { toPlain } from "../background/core/plain.ts";
import type { JobDetails, JobResult } from "../background/core/result.ts";
import type { JobStatus } from "../background/core/status.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import type { JobSelection } from "./job-filter.ts";
import { type Redact, showJob } from "./redaction.ts";
import { wellFormedJson } from "./well-formed-json.ts";

/** How far a request for jobs came. */
interface Scan {
  /** The cursor to continue from; `null` at the end. */
  readonly next: string | null;
  /** Whether a limit was reached before the page was full: more jobs may match, from `next` on. */
  readonly isPartial: boolean;
  /** Jobs examined. */
  readonly looked: number;
}

/** Limits of one request. */
export interface PageBounds {
  /** Most jobs that a search reads. */
  readonly searched: number;
  /** Time after which a search reads no further jobs. */
  readonly searchMs: number;
  /** Characters of JSON after which a page ends. */
  readonly pageSize: number;
}

export const PAGE_BOUNDS: PageBounds = { searched: 1_000, searchMs: 50, pageSize: 4 * 1_048_576 };

/** How many jobs are read at a time, since payloads and results may be large. */
const CHUNK = 25;

/** A page of redacted jobs as JSON text: `{ jobs, next, isPartial, looked }`. */
export async function pageText(
  queue: JobQueue,
  selection: JobSelection,
  redact: Redact | undefined,
  bounds: PageBounds,
): Promise<string> {
  const texts: string[] = [];
  let size = 0;
  // Takes at least one job, or the cursor could never get past a large one.
  const take = (job: JobResult) => {
    const text = wellFormedJson(showJob(job, redact));
    texts.push(text);
    size += text.length;
    return size <= bounds.pageSize;
  };
  const scan = await findJobs(queue, selection, selection.status ?? null, redact, bounds, take);
  return `{"jobs":[${texts.join(",")}],${JSON.stringify(scan).slice(1)}`;
}

/**
 * Finds jobs that match a selection and have one of these statuses (`null` for any), newest first, a few at a time.
 *
 * @param take called with each job; returns whether there is room for another one
 */
export async function findJobs(
  queue: JobQueue,
  selection: JobSelection,
  statuses: JobStatus | readonly JobStatus[] | null,
  redact: Redact | undefined,
  bounds: PageBounds,
  take: (job: JobResult) => boolean,
): Promise<Scan> {
  const { search, limit } = selection;
  const endsAt = performance.now() + bounds.searchMs;
  let { before } = selection;
  let [looked, taken] = [0, 0];
  for (;;) {
    const most = search === undefined ? limit - taken : bounds.searched - looked;
    const page = await listFrom(queue, selection, statuses, before, Math.min(CHUNK, most));
    const isMatch = search === undefined ? null : await matching(queue, page.jobs, search, redact);
    for (const [index, job] of page.jobs.entries()) {
      looked++;
      before = job.jobId;
      if (isMatch !== null && !isMatch[index]) continue;
      taken++;
      const isRoom = take(job);
      if (isRoom && taken < limit) continue;
      const isLast = index === page.jobs.length - 1 && page.next === null;
      return { next: isLast ? null : before, isPartial: taken < limit && !isLast, looked };
    }
    if (page.next === null) return { next: null, isPartial: false, looked };
    if (search !== undefined && (looked >= bounds.searched || performance.now() >= endsAt))
      return { next: before ?? null, isPartial: true, looked };
  }
}

/** The end of an id, at least as long as lists show it: a shorter text would match many ids by chance. */
const ID_END = /^[0-9a-f-]{12,36}$/;

/** For each job, whether its payload contains the text, or its id ends with it. */
async function matching(
  queue: JobQueue,
  jobs: readonly JobResult[],
  text: string,
  redact: Redact | undefined,
): Promise<boolean[]> {
  const isIdEnd = ID_END.test(text);
  // Concurrent calls are batched into one call to the store. Each is answered in its own time, as payloads may be large.
  return Promise.all(
    jobs.map(async ({ jobId }) => {
      const job = await queue.getDetails(jobId);
      return job !== null && ((isIdEnd && job.jobId.endsWith(text)) || contains(job, text, redact));
    }),
  );
}

/** Whether the redacted payload contains the text: a search must not reveal what is hidden. */
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
