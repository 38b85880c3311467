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
  /** Of the oldest job; of the newest if that one started meanwhile, as in a backlog that drains fast. */
  readonly explanation: Explanation;
}

/** Most tasks in an answer. */
const MAX_TASKS = 20;

/** Finds, for each task, the job that has been pending longest. */
export async function waitingOf(queue: JobQueue, redact: Redact | undefined): Promise<Waiting> {
  const { byTask } = await queue.counts();
  const waiting = Object.entries(byTask).filter(([, { pending }]) => pending > 0);
  const most = waiting.sort(([, a], [, b]) => b.pending - a.pending).slice(0, MAX_TASKS);
  const explain = async (job: JobResult | null | undefined): Promise<Explanation | null> => {
    const explanation = job ? await explainShown(queue, job.jobId, redact) : null;
    return explanation?.status === "pending" ? explanation : null;
  };
  const found = await Promise.all(
    most.map(async ([task, { pending }]): Promise<WaitingTask | null> => {
      const oldest = await oldestPending(queue, task);
      const explanation =
        (await explain(oldest)) ?? (await explain((await queue.listJobs({ status: "pending", task, limit: 1 }))[0]));
      if (oldest === null || explanation === null) return null;
      const { jobId, createdAt } = oldest;
      return { task, pending, oldest: { jobId, createdAt }, explanation };
    }),
  );
  return { tasks: found.filter((each) => each !== null), more: waiting.length - most.length };
}
