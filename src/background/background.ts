import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "./core/errors.ts";
import { attachToDefault, getQueue } from "./default-queue.ts";
import { defineTask, type Handler } from "./engine/definition.ts";
import type { Job } from "./engine/job.ts";
import { JobQueue } from "./engine/queue.ts";
import {
  type AnyTask,
  type Checked,
  createTask,
  type Task,
  type TaskOptions,
  type TaskOptionsFor,
  type TaskOptionsWithSchema,
  type Unchecked,
} from "./engine/task.ts";

/**
 * Wraps a function so that it runs in the background: `enqueue` it, see what became of it with `getResult`, `cancel` it.
 *
 * A handler that throws is called again, 2, 4, 8 s and so on later, three times unless `maxRetries` says otherwise. It
 * may run more than once, also after it succeeded, when its process dies at the wrong moment: make it idempotent.
 *
 * @throws JobError `invalid_option`, `invalid_task_name`, `duplicate_task`
 * @example
 * ```ts
 * const sendEmail = background(async function sendEmail({ to, subject }: { to: string; subject: string }) {
 *   await mailer.send(to, subject);
 *   return { sent: true };
 * });
 * const jobId = await sendEmail.enqueue({ to: "user@example.com", subject: "Hello" });
 * ```
 */
export function background<Schema extends StandardSchemaV1, R>(
  options: TaskOptionsWithSchema<Schema>,
  handler: (payload: StandardSchemaV1.InferOutput<Schema>, job: Job) => R | PromiseLike<R>,
): Task<StandardSchemaV1.InferInput<Schema>, Awaited<R>>;
export function background<P = void, R = unknown, S extends StandardSchemaV1 | undefined = undefined>(
  options: TaskOptionsFor<S>,
  handler: (payload: Checked<S, P>, job: Job) => R | PromiseLike<R>,
): Task<Unchecked<S, P>, Awaited<R>>;
// The last one of those that fit is what TypeScript explains mistakes by. Of a handler that returns now a value and now a promise, the type of both is inferred here alone.
export function background<P = void, R = unknown, S extends StandardSchemaV1 | undefined = undefined>(
  options: TaskOptionsFor<S>,
  handler: (payload: Checked<S, P>, job: Job) => R,
): Task<Unchecked<S, P>, Awaited<R>>;
export function background<P = void, R = unknown>(
  handler: (payload: P, job: Job) => R | PromiseLike<R>,
): Task<P, Awaited<R>>;
export function background<P = void, R = unknown>(handler: (payload: P, job: Job) => R): Task<P, Awaited<R>>;
export function background(...args: [Handler] | [TaskOptions, Handler]): Task<unknown, unknown> {
  const [options, handler] = args.length === 1 ? [{}, args[0]] : args;
  const definition = defineTask(options, handler);
  const { queue } = options;
  if (queue !== undefined && !(queue instanceof JobQueue)) {
    throw new JobError(
      "invalid_option",
      `The queue of task '${definition.name}' is no queue: give one made by getQueue() or new InMemoryQueue().`,
      { task: definition.name },
    );
  }
  if (queue !== undefined) queue.attach(definition);
  else attachToDefault(definition);
  const task = createTask(definition, options, () => {
    const target = queue ?? getQueue();
    // The default queue may be another by now.
    target.attach(definition);
    return target;
  });
  for (const listener of listeners) listener(task);
  return task;
}

const listeners = new Set<(task: AnyTask) => void>();

/** Tells of every task that is made from now on, also of those that no module exports. Returns what ends it. */
export function onTaskMade(listener: (task: AnyTask) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
