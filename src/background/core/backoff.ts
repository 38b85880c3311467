import { type Duration, toMs } from "./duration.ts";
import { JobError } from "./errors.ts";
import { checkOptions } from "./options.ts";
import { shown } from "./text.ts";

/** Waits that grow: before retry n, `base * factor^(n-1)`, at most `max`, times `1 - jitter * random`. */
export interface ExponentialBackoff {
  /** Before the first retry; default `"2s"`. */
  readonly base?: Duration | undefined;
  /** From one retry to the next; 1 or more, default 2. */
  readonly factor?: number | undefined;
  /** The longest wait; default `"1h"`. */
  readonly max?: Duration | undefined;
  /** The random share of the wait, 0 to 1, so that jobs that failed together are not retried together; default 0. */
  readonly jitter?: number | undefined;
}

/** How long to wait before a retry: exponential, fixed, or a function of the retry's number (from 1) and the error. */
export type Backoff = Duration | ExponentialBackoff | ((retry: number, error: unknown) => Duration);

/** Milliseconds before retry number `retry`, from 1; `random` is at least 0 and below 1. */
export type Wait = (retry: number, error: unknown, random: number) => number;

/** 2 s, 4 s, 8 s, 16 s, 32 s and so on, at most an hour, without jitter. */
export const defaultWait: Wait = exponential({}, "");

/**
 * Compiles a task's `backoff` option.
 *
 * @throws JobError `invalid_option` if the option is not a backoff; what a function returns is checked at each call
 */
export function waitOf(backoff: Backoff | undefined, task: string): Wait {
  if (backoff === undefined) return defaultWait;
  const what = `backoff of task '${task}'`;
  if (typeof backoff === "function") {
    return (retry, error) => {
      const wait = backoff(retry, error);
      // The promise of an async function is refused below; should it reject, that must not end the process.
      Promise.resolve(wait).catch(() => {});
      return toMs(wait, what);
    };
  }
  if (typeof backoff === "object" && backoff !== null) return exponential(backoff, what);
  const fixedMs = toMs(backoff, what);
  return () => fixedMs;
}

/** A task's wait, with the default one in its place when it throws; `report` gets the error. */
export function safeWait(wait: Wait, report: (error: unknown) => void): Wait {
  return (retry, error, random) => {
    try {
      return wait(retry, error, random);
    } catch (mistake) {
      report(mistake);
      return defaultWait(retry, error, random);
    }
  };
}

function exponential(backoff: ExponentialBackoff, what: string): Wait {
  checkOptions(backoff, ["base", "factor", "max", "jitter"], `options of the ${what}`);
  const { base = "2s", factor = 2, max = "1h", jitter = 0 } = backoff;
  const baseMs = toMs(base, `${what}.base`);
  const maxMs = toMs(max, `${what}.max`);
  checkWithin(factor, 1, Number.MAX_VALUE, `${what}.factor`);
  checkWithin(jitter, 0, 1, `${what}.jitter`);
  // Bounded, since 0 * Infinity is NaN.
  const growth = (retry: number): number => Math.min(factor ** (retry - 1), Number.MAX_VALUE);
  return (retry, _error, random) => Math.min(baseMs * growth(retry), maxMs) * (1 - jitter * random);
}

function checkWithin(value: number, min: number, max: number, what: string): void {
  if (typeof value === "number" && value >= min && value <= max) return;
  const range = max === 1 ? `from ${min} to ${max}` : `of ${min} or more`;
  throw new JobError("invalid_option", `The ${what} must be a number ${range}, not ${shown(value)}.`);
}
