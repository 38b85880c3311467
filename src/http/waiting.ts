import type { Explanation } from "../background/core/explanation.ts";
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
  /** Of the job that has been due longest; of the oldest if none is due, or of the newest if that one has started meanwhile. */
  readonly explanation: Explanation;
}

/** Most tasks in an answer. */
const MAX_TASKS = 20;

/** Finds, for each task, the job that has been pending longest. */
export async function waitingOf(queue: JobQueue, redact: Redact | undefined): Promise<Waiting> {
  const { byTask } = await queue.counts();
  const waiting = Object.entries(byTask).filter(([, { pending }]) => pending > 0);
  const most = waiting.sort(([, a], [, b]) => b.pending - a.pending).slice(0, MAX_TASKS);
  const due = await queue.oldestDue({ tasks: most.map(([task]) => task) });
  const explain = async (jobId: string | undefined): Promise<Explanation | null> => {
    const explanation = jobId === undefined ? null : await explainShown(queue, jobId, redact);
    return explanation?.status === "pending" ? explanation : null;
  };
  const found = await Promise.all(
    most.map(async ([task, { pending }]): Promise<WaitingTask | null> => {
      const oldest = await oldestPending(queue, task);
      // The oldest may merely be delayed, which does not concern the task's other jobs.
      const first = due.find((job) => job.task === task)?.jobId ?? oldest?.jobId;
      const explanation = (await explain(first)) ?? (await explain(await newestPending(queue, task)));
      if (oldest === null || explanation === null) return null;
      const { jobId, createdAt } = oldest;
      return { task, pending, oldest: { jobId, createdAt }, explanation };
    }),
  );
  return { tasks: found.filter((each) => each !== null), more: waiting.length - most.length };
}

async function newestPending(queue: JobQueue, task: string): Promise<string | undefined> {
  const [newest] = await queue.listJobs({ status: "pending", task, limit: 1 });
  return newest?.jobId;
}
