import { MAX_PAGE } from "../core/limits.ts";
import { laneOf, RECORD_VERSION, type Store } from "../core/store.ts";

/** The job of a task that has been due longest. */
export interface OldestDue {
  readonly task: string;
  readonly jobId: string;
  /** For how long it has been due, in milliseconds. */
  readonly waitMs: number;
}

/** Also the next record version: once a newer release has been rolled back, nobody is left to run what it stored. */
const VERSIONS = [RECORD_VERSION, RECORD_VERSION + 1];

/** Reads a page of lanes at a time, since each call may hold up the store's other callers. */
export async function oldestDue(store: Store, tasks: readonly string[]): Promise<OldestDue[]> {
  const lanes = tasks.flatMap((task) => VERSIONS.map((version) => ({ task, lane: laneOf(task, version) })));
  const longest = new Map<string, OldestDue>();
  for (let from = 0; from < lanes.length; from += MAX_PAGE) {
    const page = lanes.slice(from, from + MAX_PAGE);
    const next = await store.next(page.map(({ lane }) => lane));
    for (const [index, { task }] of page.entries()) {
      const job = next[index];
      const before = longest.get(task)?.waitMs ?? -1;
      if (job && job.waitMs > before) longest.set(task, { task, jobId: job.id, waitMs: job.waitMs });
    }
  }
  return [...longest.values()].sort((a, b) => b.waitMs - a.waitMs);
}
