import { ApiError, type Job, post } from "./api.ts";

/** Which jobs a bulk action is for: the list's own filters. */
export interface BulkFilter {
  readonly status?: string;
  readonly task?: string;
  readonly from?: string;
  readonly to?: string;
  readonly search?: string;
}

export type Deed = "retry" | "cancel";

export const DEEDS: Readonly<Record<Deed, { readonly verb: string; readonly done: string }>> = {
  retry: { verb: "Retry", done: "retried" },
  cancel: { verb: "Cancel", done: "cancelled" },
};

export const ALL_DEEDS: readonly Deed[] = ["retry", "cancel"];

/** How many single requests are under way at a time. */
const AT_ONCE = 6;

export function isPossible(deed: Deed, { status }: Pick<Job, "status">): boolean {
  return deed === "retry"
    ? status === "failed" || status === "cancelled"
    : status === "pending" || status === "running";
}

/** @throws ApiError 409 when the job had changed meanwhile and there was nothing to do any more */
export async function act(deed: Deed, jobId: string): Promise<void> {
  await post(`jobs/${encodeURIComponent(jobId)}/${deed}`);
}

/** What is answered for a job that is not there, or not as it was, any more. */
const PASSED_OVER = [404, 409];

/** Does it to each of these jobs, but to those that are not as they were any more. */
export async function actOnEach(
  deed: Deed,
  jobIds: readonly string[],
  tell: (how: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let done = 0;
  const waiting = [...jobIds];
  const worker = async () => {
    for (let jobId = waiting.shift(); jobId !== undefined && !signal.aborted; jobId = waiting.shift()) {
      await act(deed, jobId).catch((error: unknown) => {
        if (!(error instanceof ApiError) || !PASSED_OVER.includes(error.status)) throw error;
      });
      done += 1;
      tell(`${done} of ${jobIds.length} …`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

interface BulkAnswer {
  readonly changed: number;
  readonly looked: number;
  /** Where to go on; `null` at the end. */
  readonly next: string | null;
}

/** Does it to all jobs of a filter, a bounded stretch of them at a time. */
export async function actOnAll(
  deed: Deed,
  filter: BulkFilter,
  tell: (how: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let changed = 0;
  let before: string | null = null;
  do {
    const answer: BulkAnswer = await post(`jobs/${deed}`, { all: true, ...filter, ...(before !== null && { before }) });
    changed += answer.changed;
    before = answer.next;
    tell(`${changed} ${DEEDS[deed].done} …`);
  } while (before !== null && !signal.aborted);
}
