import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import { isJobId } from "../core/names.ts";
import { checkOptions } from "../core/options.ts";
import { shown } from "../core/text.ts";
import { checkMaxRetries } from "./definition.ts";

/** How one job is enqueued. */
export interface EnqueueOptions {
  /** The job's id, from `newJobId()` or `jobIdOf(key, at)`, so that the call can be repeated safely; default a new one. */
  readonly id?: string | undefined;
  /** How long to wait before it may start; default 0. */
  readonly delay?: Duration | undefined;
  /** The earliest time to start, in place of `delay`. One in the past means now. */
  readonly runAt?: Date | undefined;
  /** Attempts after the first. Default: that of its task, or 3 if this process does not have the task. */
  readonly maxRetries?: number | undefined;
}

/** How `enqueueMany` enqueues jobs. */
export interface EnqueueManyOptions extends Omit<EnqueueOptions, "id"> {
  /** The jobs' ids, from `newJobId()`, one per payload, so that the call can be repeated safely; default new ones. */
  readonly ids?: readonly string[] | undefined;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The payload and options; the payload may be left out if its type includes `undefined`. */
export type EnqueueArgs<P> =
  IsAny<P> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: a payload of type any may be anything
      [payload?: any, options?: EnqueueOptions]
    : // biome-ignore lint/suspicious/noConfusingVoidType: the payload type of a handler without one
      [P] extends [void]
      ? [payload?: undefined, options?: EnqueueOptions]
      : undefined extends P
        ? [payload?: P, options?: EnqueueOptions]
        : [payload: P, options?: EnqueueOptions];

/** A task as a queue sees it: anything with a name and an `enqueue` for payloads of one type. */
export interface Enqueueable<P> {
  readonly name: string;
  enqueue(...args: EnqueueArgs<P>): Promise<string>;
}

/** The effect of enqueue options on a job. */
export interface JobSettings {
  readonly delayMs: number;
  readonly runAt: number | null;
  /** `null`: that of its task. */
  readonly maxRetries: number | null;
}

const DEFAULTS: JobSettings = { delayMs: 0, runAt: null, maxRetries: null };

/**
 * Checks options.
 *
 * @throws JobError `invalid_option`, `invalid_id`
 */
export function jobSettings(options: EnqueueOptions | undefined, task: string): JobSettings {
  if (options === undefined) return DEFAULTS;
  const what = `options to enqueue a job of task '${task}'`;
  checkOptions(options, ["id", "delay", "runAt", "maxRetries"], what);
  const { id, delay, runAt } = options;
  const maxRetries =
    options.maxRetries === undefined ? null : checkMaxRetries(options.maxRetries, `to enqueue a job of task '${task}'`);
  if (id !== undefined && !isJobId(id)) {
    throw new JobError(
      "invalid_id",
      `The id of a job of task '${task}' must be a lower-case UUIDv7, not ${shown(id)}: create it with newJobId(), or from a key with jobIdOf().`,
      { task },
    );
  }
  if (runAt === undefined) {
    const delayMs = delay === undefined ? 0 : toMs(delay, `delay of task '${task}'`);
    return { delayMs, runAt: null, maxRetries };
  }
  if (delay !== undefined)
    throw new JobError("invalid_option", `The ${what} have both delay and runAt: use only one of them.`, { task });
  if (!(runAt instanceof Date) || Number.isNaN(runAt.getTime())) {
    throw new JobError("invalid_option", `The runAt of task '${task}' must be a valid Date.`, { task });
  }
  return { delayMs: 0, runAt: runAt.getTime(), maxRetries };
}
