import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Backoff, type Wait, waitOf } from "../core/backoff.ts";
import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import { checkTaskName } from "../core/names.ts";
import { checkOptions, wholeNumber } from "../core/options.ts";
import { laneOf } from "../core/store.ts";
import type { Job } from "./job.ts";

/** The function that a task runs. */
export type Handler = (payload: never, job: Job) => unknown;

/** Settings of a task, except its queue. */
export interface TaskSettings {
  /**
   * The task's name, by which stored jobs find their handler: 1 to 128 of `A-Z a-z 0-9 _ . : -`. Default: the handler's
   * own name. Give one where jobs outlive the process or code is minified.
   */
  readonly name?: string | undefined;
  /** Attempts after the first; default 3. With 0 a job runs once. */
  readonly maxRetries?: number | undefined;
  /** How long to wait before each retry; default 2, 4, 8, 16, 32 s and so on, at most an hour. */
  readonly backoff?: Backoff | undefined;
  /** The longest that one attempt may take before it fails with `attempt_timeout`; default unlimited. */
  readonly timeout?: Duration | undefined;
  /** Jobs of this task that one worker process runs at a time; default: the queue's `concurrency`. */
  readonly concurrency?: number | undefined;
  /** Validates the payload, when enqueued and before each attempt: any Standard Schema (zod, valibot, arktype …). */
  readonly schema?: StandardSchemaV1 | undefined;
}

/** A task as the engine uses it: checked, with defaults filled in. */
export interface TaskDefinition {
  readonly name: string;
  readonly lane: string;
  readonly handler: (payload: unknown, job: Job) => unknown;
  readonly schema: StandardSchemaV1 | undefined;
  readonly maxRetries: number;
  readonly wait: Wait;
  readonly timeoutMs: number | null;
  readonly concurrency: number;
}

export const DEFAULT_MAX_RETRIES = 3;
const MAX_RETRIES_LIMIT = 1_000_000;

const SETTINGS = ["name", "maxRetries", "backoff", "timeout", "concurrency", "schema", "queue"];

/**
 * Checks a task's settings and fills in defaults.
 *
 * @throws JobError `invalid_option` or `invalid_task_name`
 */
export function defineTask(settings: TaskSettings, handler: Handler): TaskDefinition {
  checkOptions(settings, SETTINGS, "options of background()");
  if (typeof handler !== "function") {
    throw new JobError(
      "invalid_option",
      "background() needs a handler: call background(handler) or background(options, handler).",
    );
  }
  const { maxRetries = DEFAULT_MAX_RETRIES, backoff, timeout, concurrency, schema } = settings;
  const name = checkTaskName(settings.name ?? handler.name);
  const of = `of task '${name}'`;
  if (schema !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
    throw new JobError(
      "invalid_option",
      `The schema ${of} is not a Standard Schema: use one from zod, valibot, arktype or a similar library.`,
      {
        task: name,
      },
    );
  }
  const timeoutMs = timeout === undefined ? null : toMs(timeout, `timeout ${of}`);
  if (timeoutMs === 0)
    throw new JobError("invalid_option", `The timeout ${of} must be more than 0: for no timeout, leave it out.`, {
      task: name,
    });
  return {
    name,
    lane: laneOf(name),
    handler: handler as TaskDefinition["handler"],
    schema,
    maxRetries: checkMaxRetries(maxRetries, of),
    wait: waitOf(backoff, name),
    timeoutMs,
    concurrency:
      concurrency === undefined ? Number.POSITIVE_INFINITY : wholeNumber(concurrency, 1, `concurrency ${of}`),
  };
}

/** @throws JobError `invalid_option` */
export function checkMaxRetries(value: unknown, of: string): number {
  return wholeNumber(value, 0, `maxRetries ${of}`, MAX_RETRIES_LIMIT);
}

const definitions = new WeakMap<object, TaskDefinition>();

/** Attaches its definition to a task, hidden from users of the task. */
export function setDefinition(task: object, definition: TaskDefinition): void {
  definitions.set(task, definition);
}

/** The definition of a task; `undefined` for anything else. */
export function definitionOf(task: object): TaskDefinition | undefined {
  return definitions.get(task);
}

/**
 * Refuses a second task of the same name on one queue.
 *
 * @throws JobError `duplicate_task`; only a warning where a module may legitimately be evaluated twice
 */
export function refuseDuplicate(name: string): void {
  const sentence = `Two tasks on one queue are named '${name}', so it is unclear which of them its jobs should run: rename one with background({ name: … }, handler).`;
  const why = reloadReason(process.env);
  if (why === undefined) throw new JobError("duplicate_task", sentence, { task: name });
  process.emitWarning(`${sentence} The newer one replaces the older, because ${why}.`);
}

/** Why a module may be evaluated more than once in this process, if it may. */
function reloadReason(env: NodeJS.ProcessEnv): string | undefined {
  if (env.NODE_ENV === "development") return "NODE_ENV is development";
  // `next build` and `next start` set the former, the server of a standalone build the latter.
  const isNext = env.NEXT_RUNTIME === "nodejs" || env.__NEXT_PRIVATE_STANDALONE_CONFIG !== undefined;
  return isNext ? "Next.js evaluates a module once for each of its bundles" : undefined;
}
