import type { EnqueueOptions } from "../background/engine/enqueue.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import type { AnyTask } from "../background/engine/task.ts";
import { HttpError, invalidRequest } from "./http-error.ts";
import { parseInstant } from "./time-bounds.ts";

/** Which tasks may be enqueued by name. */
export interface Enqueueing {
  readonly queue: JobQueue;
  /** `undefined` stands for all tasks that this process has on the queue. */
  readonly tasks: readonly AnyTask[] | undefined;
  /** Whether other names are accepted too, for tasks of other processes. */
  readonly allowUnknownTasks: boolean;
}

const FIELDS = ["task", "payload", "id", "delay", "runAt", "maxRetries"];

/** The known names that may be enqueued. */
export function namesOf({ queue, tasks }: Pick<Enqueueing, "queue" | "tasks">): readonly string[] {
  return tasks?.map(({ name }) => name) ?? queue.taskNames;
}

/**
 * Enqueues the job that a request body describes, and resolves with its id.
 *
 * @throws HttpError 400; JobError as `JobQueue.enqueue` does
 */
export async function enqueueFrom(body: Readonly<Record<string, unknown>>, enqueueing: Enqueueing): Promise<string> {
  const unknown = Object.keys(body).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw invalidRequest(`Unknown field ${JSON.stringify(unknown.slice(0, 40))}: use ${FIELDS.join(", ")}.`);
  }
  const { task, payload, id, delay, runAt, maxRetries } = body;
  if (typeof task !== "string") throw invalidRequest("The task must be a string: the task's name.");
  const { queue, tasks, allowUnknownTasks } = enqueueing;
  if (!allowUnknownTasks && !namesOf(enqueueing).includes(task)) {
    throw new HttpError(
      400,
      "unknown_task",
      `Task ${JSON.stringify(task.slice(0, 140))} cannot be enqueued here: GET /tasks lists those that can, as enqueueable.`,
    );
  }
  const options = {
    ...(id !== undefined && { id: id as string }),
    ...(delay !== undefined && { delay: delay as NonNullable<EnqueueOptions["delay"]> }),
    ...(runAt !== undefined && { runAt: new Date(parseInstant(runAt, "runAt")) }),
    ...(maxRetries !== undefined && { maxRetries: maxRetries as number }),
  };
  const known = tasks?.find(({ name }) => name === task);
  return known === undefined ? queue.enqueue(task, payload as undefined, options) : known.enqueue(payload, options);
}
