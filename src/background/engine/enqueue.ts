import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import { isJobId } from "../core/names.ts";
import { checkOptions } from "../core/options.ts";
import { checkMaxRetries } from "./definition.ts";

/** How one job is enqueued. */
export interface EnqueueOptions {
  /** The job's id, from `newJobId()`, so that the call can be repeated; default a new one. */
  readonly id?: string | undefined;
  /** It does not start before this has passed; default 0. */
  readonly delay?: Duration | undefined;
  /** It does not start before; not together with `delay`. One in the past means now. */
  readonly runAt?: Date | undefined;
  /** Attempts after the first. Default: as its task says, or 3 for the name of a task that this process does not have. */
  readonly maxRetries?: number | undefined;
}

/** How many jobs are enqueued at once. */
export interface EnqueueManyOptions extends Omit<EnqueueOptions, "id"> {
  /** The jobs' ids, from `newJobId()`, one for each payload, so that the call can be repeated; default new ones. */
  readonly ids?: readonly string[] | undefined;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/** A payload and options; the payload may be left out when `undefined` fits it. */
export type EnqueueArgs<P> =
  IsAny<P> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: what takes anything may be given anything
      [payload?: any, options?: EnqueueOptions]
    : // biome-ignore lint/suspicious/noConfusingVoidType: it is what a handler without a payload takes
      [P] extends [void]
      ? [payload?: undefined, options?: EnqueueOptions]
      : undefined extends P
        ? [payload?: P, options?: EnqueueOptions]
        : [payload: P, options?: EnqueueOptions];

/** Anything with a name and an `enqueue` for payloads of one type: a task, as a queue sees it. */
export interface Enqueueable<P> {
  readonly name: string;
  enqueue(...args: EnqueueArgs<P>): Promise<string>;
}

/** What options say of a job. */
export interface Terms {
  readonly delayMs: number;
  readonly runAt: number | null;
  /** `null`: as its task says. */
  readonly maxRetries: number | null;
}

const PLAIN: Terms = { delayMs: 0, runAt: null, maxRetries: null };

/**
 * Checks options.
 *
 * @throws JobError `invalid_option`, `invalid_id`
 */
export function termsOf(options: EnqueueOptions | undefined, task: string): Terms {
  if (options === undefined) return PLAIN;
  const what = `options to enqueue task '${task}'`;
  checkOptions(options, ["id", "delay", "runAt", "maxRetries"], what);
  const { id, delay, runAt } = options;
  const maxRetries =
    options.maxRetries === undefined ? null : checkMaxRetries(options.maxRetries, `to enqueue task '${task}'`);
  if (id !== undefined && !isJobId(id)) {
    throw new JobError(
      "invalid_id",
      `A job of task '${task}' was given an id that is no UUIDv7 in lower case: make it with newJobId().`,
      {
        task,
      },
    );
  }
  if (runAt === undefined) {
    const delayMs = delay === undefined ? 0 : toMs(delay, `delay of task '${task}'`);
    return { delayMs, runAt: null, maxRetries };
  }
  if (delay !== undefined)
    throw new JobError("invalid_option", `The ${what} have both delay and runAt: give one of them.`, { task });
  if (!(runAt instanceof Date) || Number.isNaN(runAt.getTime())) {
    throw new JobError("invalid_option", `The runAt to enqueue task '${task}' is no valid Date.`, { task });
  }
  return { delayMs: 0, runAt: runAt.getTime(), maxRetries };
}
