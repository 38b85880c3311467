import { type Duration, toMs } from "./duration.ts";
import { JobError, type JobErrorCode } from "./errors.ts";

/** Lets copies of the package, which bundlers make, recognize each other's errors, as `instanceof` cannot. */
const ENDING = Symbol.for("rapidai.ending");

/** What a handler's error asks for next. */
export type Ending = { readonly kind: "permanent" } | { readonly kind: "retry-after"; readonly delayMs: number };

/** What an error itself asks for, its causes aside; `undefined` if nothing. */
export function endingOf(error: unknown): Ending | undefined {
  try {
    const { [ENDING]: kind, delayMs } = error as { readonly [key: symbol]: unknown; readonly delayMs?: unknown };
    if (kind === "permanent") return { kind };
    return kind === "retry-after" && typeof delayMs === "number" && delayMs >= 0 ? { kind, delayMs } : undefined;
  } catch {
    // Not an object, or one whose getter throws.
    return undefined;
  }
}

/**
 * Thrown by a handler to fail its job at once, whatever retries are left.
 *
 * Also found through `cause`: `new Error("charge", { cause: new PermanentError("card stolen") })` is permanent.
 *
 * @example
 * ```ts
 * if (response.status === 404) throw new PermanentError(`no such document: ${id}`);
 * ```
 */
export class PermanentError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "PermanentError";
    Object.defineProperty(this, ENDING, { value: "permanent" });
  }
}

/** A JobError that fails a job at once, because no retry can help. */
export function permanentFault(code: JobErrorCode, message: string, cause?: unknown): JobError {
  const permanent = new PermanentError(message, cause === undefined ? undefined : { cause });
  return new JobError(code, message, { cause: permanent });
}

/**
 * Thrown by a handler to retry after `delay` instead of the backoff's wait. It uses up a retry like any failure.
 *
 * @throws JobError `invalid_option` if the delay is not a duration
 * @example
 * ```ts
 * if (response.status === 429) throw new RetryAfterError("90s");
 * ```
 */
export class RetryAfterError extends Error {
  /** Milliseconds to wait before the next attempt. */
  readonly delayMs: number;

  constructor(delay: Duration, message?: string, options?: { readonly cause?: unknown }) {
    const delayMs = toMs(delay, "delay of a RetryAfterError");
    super(message ?? `Retry after ${delayMs} ms`, options);
    this.name = "RetryAfterError";
    this.delayMs = delayMs;
    Object.defineProperty(this, ENDING, { value: "retry-after" });
  }
}
