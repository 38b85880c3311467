import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { FinishedJob, JobResult } from "../core/result.ts";
import { setDefinition, type TaskDefinition, type TaskSettings } from "./definition.ts";
import type { EnqueueArgs, EnqueueManyOptions, EnqueueOptions } from "./enqueue.ts";
import { newJobId } from "./ids.ts";
import { currentJob, JobAtHand, PartOfJob, runWith } from "./job.ts";
import { checkPayload } from "./payload.ts";
import type { CancelOptions, JobQueue, WaitOptions } from "./queue.ts";

/** Settings of a task, with a schema or without: to hand them on to `background()`, take {@link TaskOptionsWithoutSchema}. */
export interface TaskOptions extends TaskSettings {
  /** Where its jobs go; default `getQueue()`. */
  readonly queue?: JobQueue | undefined;
}

/** Settings of a task whose payload is checked. */
export interface TaskOptionsWithSchema<Schema extends StandardSchemaV1> extends TaskOptions {
  readonly schema: Schema;
}

/** Settings of a task whose payload has the type that its handler says. */
export interface TaskOptionsWithoutSchema extends TaskOptions {
  readonly schema?: undefined;
}

/** Settings of a task, of which the schema says what its payload is, if there is one. */
export interface TaskOptionsFor<S extends StandardSchemaV1 | undefined> extends Omit<TaskOptions, "schema"> {
  /** Checks the payload: any Standard Schema. */
  readonly schema?: S | undefined;
}

/** What a handler gets: what the schema makes of a payload, or the payload. */
export type Checked<S, P> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : P;
/** What is enqueued: what the schema takes, or the payload. */
export type Unchecked<S, P> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : P;

// biome-ignore lint/suspicious/noConfusingVoidType: it is what a handler without a payload takes
type DirectArgs<P> = undefined extends P ? [payload?: P] : [P] extends [void] ? [] : [payload: P];

/**
 * A function that runs in the background: `I` is what `enqueue` takes, `R` what becomes of it.
 *
 * Called directly it runs here and now, without a queue, retries or a timeout; within a handler as a part of its job, whose signal
 * it has and to which its progress, log lines and usage go.
 */
export interface Task<I, R> {
  (...args: DirectArgs<I>): Promise<R>;
  readonly name: string;
  readonly queue: JobQueue;
  readonly options: Readonly<TaskOptions>;

  /** Stores a job and resolves with its id once the queue has durably accepted it; throws as `JobQueue.enqueue` does. */
  enqueue(...args: EnqueueArgs<I>): Promise<string>;
  /** Stores a job for each payload and resolves with the ids, in order; throws as `JobQueue.enqueueMany` does. */
  enqueueMany(payloads: readonly I[], options?: EnqueueManyOptions): Promise<string[]>;
  /** What became of a job; `null` for an id that is unknown, malformed, or of another task. */
  getResult(jobId: string): Promise<JobResult<R> | null>;
  /** Ends a pending or running job of this task as cancelled: `true` only if this call did. */
  cancel(jobId: string, options?: Omit<CancelOptions, "task">): Promise<boolean>;
  /** Resolves with a job of this task once it is done; throws as `JobQueue.wait` does. */
  wait(jobId: string, options?: Omit<WaitOptions, "task">): Promise<FinishedJob<R>>;
}

/** Any task. */
// biome-ignore lint/suspicious/noExplicitAny: what takes every task must not ask what it takes
export type AnyTask = Task<any, any>;

/** Makes the task of a definition. `queueOf` says where its jobs go, as of now. */
export function createTask(
  definition: TaskDefinition,
  options: TaskOptions,
  queueOf: () => JobQueue,
): Task<unknown, unknown> {
  const { name } = definition;
  const methods: Omit<Task<unknown, unknown>, "name" | "queue"> & ThisType<never> = Object.assign(
    (...[payload]: [payload?: unknown]) => runHere(definition, payload),
    {
      options: Object.freeze({ ...options }),
      enqueue: (payload?: unknown, one?: EnqueueOptions) => {
        // A queue that cannot be made is a rejection like any other.
        try {
          return queueOf().enqueue(task, payload, one);
        } catch (error) {
          return Promise.reject(error);
        }
      },
      enqueueMany: async (payloads: readonly unknown[], many?: EnqueueManyOptions) =>
        queueOf().enqueueMany(task, payloads, many),
      getResult: async (jobId: string) => {
        const result = await queueOf().getResult(jobId);
        return result?.task === name ? result : null;
      },
      cancel: async (jobId: string, cancel?: CancelOptions) => queueOf().cancel(jobId, { ...cancel, task: name }),
      wait: async (jobId: string, wait?: WaitOptions) => queueOf().wait(jobId, { ...wait, task: name }),
    },
  );
  const task = Object.defineProperties(methods, {
    name: { value: name },
    queue: { get: queueOf },
  }) as Task<unknown, unknown>;
  setDefinition(task, definition);
  return task;
}

/** The direct call: the payload is checked as it would be. Within a job it is part of it, else of one that no queue knows. */
async function runHere({ name, schema, handler, maxRetries }: TaskDefinition, payload: unknown): Promise<unknown> {
  const checked = schema === undefined ? payload : await checkPayload(schema, payload, name, undefined);
  const around = currentJob();
  const job = around === undefined ? new JobAtHand(newJobId(), name, 1, maxRetries) : new PartOfJob(around, name);
  return runWith(job, handler, checked);
}
