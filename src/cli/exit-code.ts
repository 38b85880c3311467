import { CommanderError } from "commander";
import { JobError, type JobErrorCode } from "../background/core/errors.ts";

/** The exit codes of the process. */
export const EXIT = {
  ok: 0,
  /** The command failed. */
  failed: 1,
  /** The arguments are invalid. */
  usage: 2,
  /** There is no such job, or it could not be changed. */
  unchanged: 3,
  /** The queue's backend cannot be reached, or refused. */
  unavailable: 4,
  /** The timeout has passed: the same code as of timeout(1). */
  timedOut: 124,
  /** Ctrl-C: 128 plus the number of SIGINT. */
  interrupted: 130,
  /** 128 plus the number of SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command was called with invalid arguments. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const BY_CODE: Partial<Record<JobErrorCode, ExitCode>> = {
  queue_unavailable: EXIT.unavailable,
  backend_unavailable: EXIT.unavailable,
  unsafe_backend: EXIT.unavailable,
  queue_closed: EXIT.unavailable,
  job_not_found: EXIT.unchanged,
  wait_timeout: EXIT.timedOut,
  invalid_option: EXIT.usage,
  invalid_task_name: EXIT.usage,
  unknown_backend: EXIT.usage,
  id_conflict: EXIT.usage,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof JobError)) return EXIT.failed;
  return error.isInputError ? EXIT.usage : (BY_CODE[error.code] ?? EXIT.failed);
}

/** The error's code in `--json` output. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof JobError) return error.code;
  return error instanceof UsageError ? "usage" : "error";
}
