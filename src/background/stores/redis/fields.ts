import type { JobStatus } from "../../core/status.ts";

/**
 * A job's record is one text, so that those of a whole batch are read and written at once, which takes Redis half the
 * time of a hash for each. It has two lines of words, and behind them the payload.
 *
 * The first line is how the job stands. Jobs that were claimed together have the same one, so that it is understood once
 * for all of them. Of a job that nothing has happened to it is an `n` and the kind, of any other:
 *
 * | word | |
 * |---|---|
 * | status | a letter, p r f x; behind it the token of the attempt that runs, or that ended so |
 * | completedAt | of a failed or cancelled one, else 0 |
 * | flags | `-` or letters: there are `h` notes, `a` past attempts, `g` log lines |
 * | ended | how the attempt that ended last did so and its token, where status does not tell, or `-` |
 * | attempts, startedAt, attemptedAt | the last in milliseconds after the one before it |
 * | worker | of the latest attempt |
 * | kind | task; or task, version and lane, where version is not 1 or the lane not the task |
 *
 * The second line is the plan: createdAt and maxRetries; then runAt, attemptLimit and losses where they are not createdAt,
 * maxRetries + 1 and 0; then the trace behind a `t`, if there is one.
 *
 * A completion leaves the record as it was when the job ran: the index of the completed says the rest, the id followed by when
 * it was completed and the result behind a `=`; `@` when it lies apart; `-` when there is none.
 *
 * A payload that is empty or longer than `INLINE` bytes lies apart, and so does a longer result. What few jobs have stands
 * in a hash of notes: `g` progress, `i` usage, `y` who cancelled it.
 */
export const INLINE = 512;

export const STATUS_OF: Readonly<Record<string, JobStatus>> = {
  n: "pending",
  p: "pending",
  r: "running",
  f: "failed",
  x: "cancelled",
};

export const CODE_OF: Readonly<Record<JobStatus, string>> = {
  pending: "p",
  running: "r",
  completed: "c",
  failed: "f",
  cancelled: "x",
};
