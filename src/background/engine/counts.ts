import { JOB_STATUSES } from "../core/status.ts";
import type { Census, StatusCounts } from "../core/store.ts";

/** The number of jobs in a queue. */
export interface Counts {
  readonly byStatus: StatusCounts;
  /** By task name, for tasks that have jobs. */
  readonly byTask: Readonly<Record<string, StatusCounts>>;
}

export function countsOf({ tasks }: Pick<Census, "tasks">): Counts {
  const sums = JOB_STATUSES.map((status) => [
    status,
    [...tasks.values()].reduce((sum, counts) => sum + counts[status], 0),
  ]);
  return { byStatus: Object.fromEntries(sums) as StatusCounts, byTask: Object.fromEntries(tasks) };
}

/** The counts of a task's jobs, `undefined` if it has none, or of all jobs. Names of tasks include those that objects inherit. */
export function countsIn({ byStatus, byTask }: Counts, task: string | undefined): StatusCounts | undefined {
  if (task === undefined) return byStatus;
  return Object.hasOwn(byTask, task) ? byTask[task] : undefined;
}

/** The tasks with pending jobs. */
export function pendingTasks({ byTask }: Counts): string[] {
  return Object.entries(byTask).flatMap(([task, { pending }]) => (pending > 0 ? [task] : []));
}
