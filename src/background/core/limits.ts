/** Sizes beyond which a value is refused, in bytes of its stored text. */
export interface ValueLimits {
  /** Largest payload; default 1 MiB. */
  readonly payload: number;
  /** Largest result; default 1 MiB. A job whose result is larger fails for good. */
  readonly result: number;
}

export const DEFAULT_LIMITS: ValueLimits = { payload: 1_048_576, result: 1_048_576 };

/** Levels of a payload or result, each within the other; reading them takes up to half of the stack that Node.js gives. */
export const MAX_NESTING = 500;
/** An error's message and its stack are each cut to this many bytes. */
export const MAX_ERROR_BYTES = 16_384;
/** Failed attempts that a job remembers, the newest. */
export const MAX_PAST_ATTEMPTS = 20;
/** Log lines that a job remembers, the newest. */
export const MAX_LOG_LINES = 1_000;
/** A log line is cut to this many bytes. */
export const MAX_LOG_LINE_BYTES = 4_096;
/** A progress message, a canceller's name and the like are cut to this many bytes. */
export const MAX_NOTE_BYTES = 1_024;
/** A trace is at most this many bytes; a longer one is not kept. */
export const MAX_TRACE_BYTES = 512;
/** Losses of a worker that end a job as failed, whatever retries are left: it most likely kills its workers. */
export const MAX_LOSSES = 3;
/**
 * Payloads, results and reports that one call to a store brings there or back, in bytes or a little more; a single job is never too
 * much. A call has to be answered within two seconds: over 10 Mbit/s that many take as long, with another call under way beside it.
 */
export const MAX_CALL_BYTES = 1_048_576;
/** Held jobs of a kind that one call of a store's `prune` passes over: with more of them in front it ends there, whatever comes behind. */
export const MAX_HELD_PASSED = 1_000;
/** Longest page of a listing. */
export const MAX_PAGE = 1_000;
