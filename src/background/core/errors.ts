/** What is wrong with what a caller handed in: an HTTP layer answers these with 400. */
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

/** Why a {@link JobError} was thrown, in words that stay the same between releases. */
export type JobErrorCode =
  // what was handed in
  | (typeof INPUT_CODES)[number]
  // how the library was set up
  | "invalid_option"
  | "invalid_task_name"
  | "duplicate_task"
  | "unknown_backend"
  | "backend_unavailable"
  | "queue_conflict"
  | "embedder_mismatch"
  // what became of a job, an attempt or a call
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
  // what became of documents
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

/** What a {@link JobError} is about, beside its message. */
export interface JobErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** The job concerned. On a failed `enqueue` it is the id to repeat the call with. */
  readonly jobId?: string | undefined;
  /** The name of the task concerned. */
  readonly task?: string | undefined;
}

/**
 * What this library throws: the message says what happened, to which job or setting, and what to do now.
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
  /** Stable, in words: compare this, not the message. */
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
