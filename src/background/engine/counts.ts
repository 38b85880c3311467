import { JOB_STATUSES } from "../core/status.ts";
import type { Census, StatusCounts } from "../core/store.ts";

/** How many jobs a queue keeps. */
export interface Counts {
  readonly byStatus: StatusCounts;
  /** Of the tasks that have jobs, by name. */
  readonly byTask: Readonly<Record<string, StatusCounts>>;
}

export function countsOf({ tasks }: Census): Counts {
  const sums = JOB_STATUSES.map((status) => [
    status,
    [...tasks.values()].reduce((sum, counts) => sum + counts[status], 0),
  ]);
  return { byStatus: Object.fromEntries(sums) as StatusCounts, byTask: Object.fromEntries(tasks) };
}
