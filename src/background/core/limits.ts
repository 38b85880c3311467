/** Sizes beyond which a value is refused, in bytes of its stored text. */
export interface ValueLimits {
  /** Largest payload; default 1 MiB. */
  readonly payload: number;
  /** Largest result; default 1 MiB. A job whose result is larger fails for good. */
  readonly result: number;
}

export const DEFAULT_LIMITS: ValueLimits = { payload: 1_048_576, result: 1_048_576 };

/** Levels of nesting in a payload or result: decoding that many takes up to half of Node.js's default stack. */
export const MAX_NESTING = 500;
/** An error's message and its stack are each cut to this many bytes. */
export const MAX_ERROR_BYTES = 16_384;
/** The newest failed attempts of a job that are kept. */
export const MAX_PAST_ATTEMPTS = 20;
/** The newest log lines of a job that are kept. */
export const MAX_LOG_LINES = 1_000;
/** A log line is cut to this many bytes. */
export const MAX_LOG_LINE_BYTES = 4_096;
/** A progress message, a canceller's name and the like are cut to this many bytes. */
export const MAX_NOTE_BYTES = 1_024;
/** A trace is at most this many bytes; a longer one is not kept. */
export const MAX_TRACE_BYTES = 512;
/** Lost workers after which a job fails, whatever retries are left: it most likely kills its workers. */
export const MAX_LOSSES = 3;
/**
 * Bytes, roughly, of payloads, results and reports that one call to a store carries; a single job may take more. A call
 * must be answered within two seconds, and over 10 Mbit/s shared with another call this many take as long.
 */
export const MAX_CALL_BYTES = 1_048_576;
/** Held jobs of a kind that one call of a store's `prune` skips: it ends at the next one, whatever comes after. */
export const MAX_HELD_PASSED = 1_000;
/** Most jobs on a page of a listing. */
export const MAX_PAGE = 1_000;
