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
 * Wraps a function as a task that runs in the background: `enqueue` jobs, query them with `getResult`, `cancel` them.
 *
 * A handler that throws is retried after 2, 4 and 8 s, or as `maxRetries` and `backoff` say. If its process dies at the
 * wrong moment, it may run again even after it has succeeded: make it idempotent.
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
// TypeScript explains mistakes by the last overload that fits. Only here does it infer the types of a handler that returns now a value, now a promise.
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
      `The queue of task '${definition.name}' is not a queue: use one from getQueue() or new InMemoryQueue().`,
      { task: definition.name },
    );
  }
  if (queue !== undefined) queue.attach(definition);
  else attachToDefault(definition);
  const task = createTask(definition, options, () => {
    const target = queue ?? getQueue();
    // The default queue may have been replaced since.
    target.attach(definition);
    return target;
  });
  for (const listener of listeners) listener(task);
  return task;
}

const listeners = new Set<(task: AnyTask) => void>();

/** Calls back for every task made from now on, also for those that no module exports. Returns what ends this. */
export function onTaskMade(listener: (task: AnyTask) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
