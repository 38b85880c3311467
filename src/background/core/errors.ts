/** Faults of what a caller passed in: an HTTP layer answers them with 400. */
const INPUT_CODES = [
  "invalid_status",
  "invalid_id",
  "invalid_payload",
  "invalid_filter",
  "not_serializable",
  "payload_too_large",
  "document_not_found",
  "document_forbidden",
  "document_empty",
  "document_encrypted",
  "document_mislabelled",
  "document_unsupported",
  "document_unreadable",
  "document_too_large",
] as const;

/** Why a {@link JobError} was thrown; stable between releases. */
export type JobErrorCode =
  // input
  | (typeof INPUT_CODES)[number]
  // configuration
  | "invalid_option"
  | "invalid_task_name"
  | "duplicate_task"
  | "unknown_backend"
  | "backend_unavailable"
  | "queue_conflict"
  | "embedder_mismatch"
  // jobs, attempts and calls
  | "id_conflict"
  | "job_not_found"
  | "wait_timeout"
  | "wait_aborted"
  | "result_too_large"
  | "unreadable_value"
  | "attempt_timeout"
  | "job_cancelled"
  | "lease_lost"
  | "worker_lost"
  | "event_loop_blocked"
  | "shutting_down"
  // documents
  | "document_unavailable"
  | "invalid_embedding"
  | "vectors_unavailable"
  // the queue itself
  | "queue_closed"
  | "queue_unavailable"
  | "drain_timeout"
  | "unsafe_backend"
  | "not_replicated"
  // models
  | "llm_failed"
  | "llm_timeout"
  | "api_key_missing"
  | "package_missing";

const INPUT: ReadonlySet<JobErrorCode> = new Set(INPUT_CODES);

/** The context of a {@link JobError}. */
export interface JobErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** The job concerned; after a failed `enqueue`, the id to repeat the call with. */
  readonly jobId?: string | undefined;
  /** The name of the task concerned. */
  readonly task?: string | undefined;
}

/**
 * The error that this library throws: its message says what happened, to which job or setting, and what to do about it.
 *
 * @example
 * ```ts
 * try {
 *   await sendEmail.enqueue(message);
 * } catch (error) {
 *   if (error instanceof JobError && error.code === "payload_too_large") await uploadInstead(message);
 *   else throw error;
 * }
 * ```
 */
export class JobError extends Error {
  /** Stable between releases: compare this, not the message. */
  readonly code: JobErrorCode;
  /** The job concerned, if there is one. */
  readonly jobId: string | undefined;
  /** The task concerned, if there is one. */
  readonly task: string | undefined;

  constructor(code: JobErrorCode, message: string, details: JobErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "JobError";
    this.code = code;
    this.jobId = details.jobId;
    this.task = details.task;
  }

  /** Whether the caller's input is at fault, so that an HTTP layer should answer 400. */
  get isInputError(): boolean {
    return INPUT.has(this.code);
  }
}
