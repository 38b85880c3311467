import { ApiError, type Job, post } from "./api.ts";
import { count } from "./format.ts";

/** Selects the jobs of a bulk action, with the filters of the list. */
export interface BulkFilter {
  readonly status?: string;
  readonly task?: string;
  readonly from?: string;
  readonly to?: string;
  readonly search?: string;
}

export type Action = "retry" | "cancel";

export const ACTIONS: Readonly<Record<Action, { readonly verb: string; readonly done: string; readonly key: string }>> =
  {
    retry: { verb: "Retry", done: "retried", key: "r" },
    cancel: { verb: "Cancel", done: "cancelled", key: "c" },
  };

export const ALL_ACTIONS: readonly Action[] = ["retry", "cancel"];

/** How many requests for single jobs are made concurrently. */
const AT_ONCE = 6;

export function isPossible(action: Action, { status }: Pick<Job, "status">): boolean {
  return action === "retry"
    ? status === "failed" || status === "cancelled"
    : status === "pending" || status === "running";
}

/** @throws ApiError 409 if the job has changed meanwhile, so that the action is no longer possible */
async function act(action: Action, jobId: string): Promise<void> {
  await post(`jobs/${encodeURIComponent(jobId)}/${action}`);
}

/** How long to wait after a request that exceeded the rate limit. */
const RATE_LIMITED_MS = 1_000;

/** Sends a request, and repeats it while it exceeds the server's rate limit; `null` if stopped meanwhile. */
async function withinRate<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
  while (!signal.aborted) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 429) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RATE_LIMITED_MS));
  }
  return null;
}

/** Statuses for a job that no longer exists, or for which the action is no longer possible. */
const SKIPPED = [404, 409];

/**
 * Performs an action on each of these jobs, and skips those that have changed meanwhile. After a failure it starts no
 * further requests.
 *
 * @param dealtWith called with each job that was changed or skipped
 * @returns how many jobs were changed
 */
export async function actOnEach(
  action: Action,
  jobIds: readonly string[],
  report: (progress: string) => void,
  signal: AbortSignal,
  dealtWith: (jobId: string) => void,
): Promise<number> {
  let changed = 0;
  const waiting = [...jobIds];
  const worker = async () => {
    for (let jobId = waiting.shift(); jobId !== undefined && !signal.aborted; jobId = waiting.shift()) {
      try {
        if ((await withinRate(() => act(action, jobId), signal)) === null) return;
        changed += 1;
      } catch (error) {
        if (!(error instanceof ApiError) || !SKIPPED.includes(error.status)) {
          waiting.length = 0;
          throw error;
        }
      }
      dealtWith(jobId);
      report(`${changed} of ${jobIds.length} ${ACTIONS[action].done}`);
    }
  };
  // Waits for the requests in flight when one fails, so that they are counted.
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return changed;
}

interface BulkAnswer {
  readonly changed: number;
  readonly looked: number;
  /** The cursor to continue from; `null` at the end. */
  readonly next: string | null;
}

/**
 * Performs an action on all jobs that match a filter, page by page.
 *
 * @returns how many jobs were changed
 */
export async function actOnAll(
  action: Action,
  filter: BulkFilter,
  report: (progress: string) => void,
  signal: AbortSignal,
): Promise<number> {
  let changed = 0;
  let before: string | null = null;
  do {
    const body: object = { all: true, ...filter, ...(before !== null && { before }) };
    const answer = await withinRate(() => post<BulkAnswer>(`jobs/${action}`, body), signal);
    if (answer === null) break;
    changed += answer.changed;
    before = answer.next;
    report(`${count(changed)} ${ACTIONS[action].done}`);
  } while (before !== null && !signal.aborted);
  return changed;
}
