import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checkOptions } from "../core/options.ts";
import type { FinishedJob, JobResult } from "../core/result.ts";
import { currentJob, runWith } from "./current-job.ts";
import { setDefinition, type TaskDefinition, type TaskSettings } from "./definition.ts";
import type { EnqueueArgs, EnqueueManyOptions, EnqueueOptions } from "./enqueue.ts";
import { newJobId } from "./ids.ts";
import { JobAtHand, PartOfJob } from "./job.ts";
import { checkPayload } from "./payload.ts";
import type { CancelOptions, JobQueue, WaitOptions } from "./queue.ts";

/** Settings of a task, with a schema or without. To pass on to `background()`, use {@link TaskOptionsWithoutSchema}. */
export interface TaskOptions extends TaskSettings {
  /** Where its jobs go; default `getQueue()`. */
  readonly queue?: JobQueue | undefined;
}

/** Settings of a task whose payload is validated by a schema. */
export interface TaskOptionsWithSchema<Schema extends StandardSchemaV1> extends TaskOptions {
  readonly schema: Schema;
}

/** Settings of a task whose payload has the type that its handler declares. */
export interface TaskOptionsWithoutSchema extends TaskOptions {
  readonly schema?: undefined;
}

/** Settings of a task whose payload has the type of the schema `S`, if there is one. */
export interface TaskOptionsFor<S extends StandardSchemaV1 | undefined> extends Omit<TaskOptions, "schema"> {
  /** Validates the payload: any Standard Schema. */
  readonly schema?: S | undefined;
}

// Both ask for undefined first: without strict null checks it would fit a schema.

/** What the handler gets: the schema's output, or the payload. */
export type Checked<S, P> = S extends undefined ? P : S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : P;
/** What `enqueue` takes: the schema's input, or the payload. */
export type Unchecked<S, P> = S extends undefined ? P : S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : P;

// biome-ignore lint/suspicious/noConfusingVoidType: the payload type of a handler without one
type DirectArgs<P> = undefined extends P ? [payload?: P] : [P] extends [void] ? [] : [payload: P];

/**
 * A function that runs in the background: `I` is the type of what `enqueue` takes, `R` that of the result.
 *
 * Called directly, it runs here and now, without a queue, retries or a timeout. Within a handler, a direct call is part
 * of that handler's job: it has the job's signal, and its progress, log lines and usage go to that job.
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
  /** The current state of a job; `null` for an id that is unknown, malformed, or of another task. */
  getResult(jobId: string): Promise<JobResult<R> | null>;
  /** Cancels a pending or running job of this task; `true` only if this call did. */
  cancel(jobId: string, options?: Omit<CancelOptions, "task">): Promise<boolean>;
  /** Resolves with a job of this task once it is done; throws as `JobQueue.wait` does. */
  wait(jobId: string, options?: Omit<WaitOptions, "task">): Promise<FinishedJob<R>>;
}

/** Any task. */
// biome-ignore lint/suspicious/noExplicitAny: the type of every task, whatever its payload
export type AnyTask = Task<any, any>;

/** Makes the task of a definition. `queueOf` returns the queue that its jobs currently go to. */
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
        // A failure to make the default queue must reject, not throw.
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
      cancel: async (jobId: string, cancel: CancelOptions = {}) => {
        checkOptions(cancel, ["by"], `options to cancel a job of task '${name}'`);
        return queueOf().cancel(jobId, { ...cancel, task: name });
      },
      wait: async (jobId: string, wait: WaitOptions = {}) => {
        checkOptions(wait, ["timeout", "signal"], `options to wait for a job of task '${name}'`);
        return queueOf().wait(jobId, { ...wait, task: name });
      },
    },
  );
  const task = Object.defineProperties(methods, {
    name: { value: name },
    queue: { get: queueOf },
  }) as Task<unknown, unknown>;
  setDefinition(task, definition);
  return task;
}

/** The direct call: validates the payload as usual, and runs as part of the current job or as one that no queue knows. */
async function runHere({ name, schema, handler, maxRetries }: TaskDefinition, payload: unknown): Promise<unknown> {
  const checked = schema === undefined ? payload : await checkPayload(schema, payload, name, undefined);
  const around = currentJob();
  const job = around === undefined ? new JobAtHand(newJobId(), name, 1, maxRetries) : new PartOfJob(around, name);
  return runWith(job, handler, checked);
}
