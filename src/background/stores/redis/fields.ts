import type { JobStatus } from "../../core/status.ts";

/**
 * A job's hash. Few fields and short values keep it in Redis's compact form, which ends with the first value of more than
 * 64 bytes (`hash-max-listpack-value`): longer payloads and results have keys of their own.
 *
 * | | |
 * |---|---|
 * | `s` | status, p r c f x; behind it the token of the attempt that runs, or that ended so |
 * | `e` | how the attempt that ended last did so and its token, where `s` does not tell |
 * | `k` | task; or task, version and lane, where version is not 1 or the lane not the task |
 * | `c` | createdAt, maxRetries; with runAt, attemptLimit and losses where they are not createdAt, maxRetries + 1 and 0 |
 * | `a` | attempts, startedAt, and the latest attempt's start in milliseconds since; absent until the first |
 * | `w` | worker of the latest attempt |
 * | `d` | completedAt |
 * | `p`, `o` | payload, result; absent where they have keys of their own |
 * | `g`, `i` | progress, usage |
 * | `t` | trace; absent for most |
 * | `y` | who cancelled it |
 * | `x` | there are past attempts |
 * | `h` | until when it is held |
 */
export const STATUS_OF: Readonly<Record<string, JobStatus>> = {
  p: "pending",
  r: "running",
  c: "completed",
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
