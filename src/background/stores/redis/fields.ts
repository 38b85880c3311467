import type { JobStatus } from "../../core/status.ts";

/**
 * A job's record is one string, so that one command reads or writes those of a whole batch, which takes Redis half the
 * time of a hash per job. It is two lines of words, followed by the payload.
 *
 * The first line is the job's state. Jobs that were claimed together share it, so that it is parsed once for all of them.
 * For a job that was never claimed it is `n` and the kind; for any other:
 *
 * | word | |
 * |---|---|
 * | status | a letter, `p` `r` `f` `x`, followed by the token of the attempt that runs or that ended like this |
 * | completedAt | of a failed or cancelled job, else 0 |
 * | flags | `-`, or a letter for what else exists: `h` notes, `a` past attempts, `g` log lines |
 * | ended | how the last attempt ended and its token, if status does not say, else `-` |
 * | attempts, startedAt, attemptedAt | the last as milliseconds after startedAt |
 * | worker | of the latest attempt |
 * | kind | task; or task, version and lane, if the version is not 1 or the lane not the task |
 *
 * The second line is the plan: createdAt and maxRetries; then runAt, attemptLimit and losses, unless they are createdAt,
 * maxRetries + 1 and 0; then `t` and the trace, if there is one.
 *
 * Completing a job leaves its record as it was while it ran. The rest is in the index of completed jobs: the id, followed by
 * the time of completion and the result after `=`, or `@` if the result is stored separately, or `-` if there is none.
 *
 * Payloads that are empty or longer than `INLINE` bytes and results longer than that are stored separately, in keys of
 * their own. What few jobs have is in a hash of notes: `g` progress, `i` usage, `y` who cancelled.
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
