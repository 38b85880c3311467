import type { Explanation } from "../background/core/explanation.ts";
import type { JobResult } from "../background/core/result.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { oldestPending } from "./oldest.ts";
import { explainShown, type Redact } from "./redaction.ts";

/** The jobs that have been pending longest, and why. */
export interface Waiting {
  /** The tasks with the most pending jobs, most first. */
  readonly tasks: readonly WaitingTask[];
  /** How many further tasks have pending jobs. */
  readonly more: number;
}

interface WaitingTask {
  readonly task: string;
  readonly pending: number;
  readonly oldest: { readonly jobId: string; readonly createdAt: Date };
  /** Of the oldest job; of a newer one if that has started meanwhile, or if only the newer one is due. */
  readonly explanation: Explanation;
}

/** Most tasks in an answer. */
const MAX_TASKS = 20;

/** How many of the newest jobs are searched for one that is due, where the oldest is not. */
const NEWEST = 20;

const isEarly = ({ causes }: Explanation): boolean =>
  causes[0]?.code === "delayed" || causes[0]?.code === "waiting_for_retry";

/** Finds, for each task, the job that has been pending longest. */
export async function waitingOf(queue: JobQueue, redact: Redact | undefined): Promise<Waiting> {
  const { byTask } = await queue.counts();
  const waiting = Object.entries(byTask).filter(([, { pending }]) => pending > 0);
  const most = waiting.sort(([, a], [, b]) => b.pending - a.pending).slice(0, MAX_TASKS);
  const explain = async (job: JobResult | null | undefined): Promise<Explanation | null> => {
    const explanation = job ? await explainShown(queue, job.jobId, redact) : null;
    return explanation?.status === "pending" ? explanation : null;
  };
  /** An explanation that concerns the task's other jobs as well, where that of its oldest job does not. */
  const explainWaiting = async (task: string, first: Explanation | null): Promise<Explanation | null> => {
    if (first !== null && !isEarly(first)) return first;
    const newest = await queue.listJobs({ status: "pending", task, limit: NEWEST });
    const other = first === null ? newest[0] : newest.findLast(({ runAt }) => runAt <= first.at);
    return (await explain(other)) ?? first;
  };
  const found = await Promise.all(
    most.map(async ([task, { pending }]): Promise<WaitingTask | null> => {
      const oldest = await oldestPending(queue, task);
      const explanation = await explainWaiting(task, await explain(oldest));
      if (oldest === null || explanation === null) return null;
      const { jobId, createdAt } = oldest;
      return { task, pending, oldest: { jobId, createdAt }, explanation };
    }),
  );
  return { tasks: found.filter((each) => each !== null), more: waiting.length - most.length };
}
