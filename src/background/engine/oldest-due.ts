import { MAX_PAGE } from "../core/limits.ts";
import { laneOf, type Store } from "../core/store.ts";

/** The job of a task that has been due longest. */
export interface OldestDue {
  readonly task: string;
  readonly jobId: string;
  /** For how long it has been due, in milliseconds. */
  readonly waitMs: number;
}

/** Reads a page of tasks at a time, since each call may hold up the store's other callers. */
export async function oldestDue(store: Store, tasks: readonly string[]): Promise<OldestDue[]> {
  const found: OldestDue[] = [];
  for (let from = 0; from < tasks.length; from += MAX_PAGE) {
    const page = tasks.slice(from, from + MAX_PAGE);
    const next = await store.next(page.map((task) => laneOf(task)));
    for (const [index, task] of page.entries()) {
      const job = next[index];
      if (job && job.waitMs >= 0) found.push({ task, jobId: job.id, waitMs: job.waitMs });
    }
  }
  return found.sort((a, b) => b.waitMs - a.waitMs);
}
