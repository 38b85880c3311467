import { JobError, type JobErrorCode } from "../background/core/errors.ts";

/**
 * Thrown to answer a request with an error status. The body is `{ error: { code, message } }`; the message must not
 * reveal internals.
 */
export class HttpError extends Error {
  readonly status: number;
  /** A stable code such as `job_not_found`. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "HttpError";
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** A 400 about part of the request. */
export function invalidRequest(message: string): HttpError {
  return new HttpError(400, "invalid_request", message);
}

/** The 404 for a job that does not exist. */
export function noSuchJob(): HttpError {
  return new HttpError(
    404,
    "job_not_found",
    "The job was not found: the id is wrong, or the job finished long ago and was removed by the queue's retention.",
  );
}

/** JobErrors about what the client sent, whose message it may see. */
const STATUS_OF: Readonly<Partial<Record<JobErrorCode, number>>> = {
  invalid_status: 400,
  invalid_id: 400,
  invalid_payload: 400,
  invalid_filter: 400,
  not_serializable: 400,
  invalid_option: 400,
  invalid_task_name: 400,
  payload_too_large: 413,
  id_conflict: 409,
};

const UNAVAILABLE: ReadonlySet<JobErrorCode> = new Set<JobErrorCode>([
  "queue_closed",
  "queue_unavailable",
  "backend_unavailable",
  "unsafe_backend",
  "not_replicated",
]);

/** Converts an error for the client. The details of errors that are not about the request are withheld. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (!(error instanceof JobError)) return internal();
  const status = STATUS_OF[error.code];
  if (status !== undefined) return new HttpError(status, error.code, error.message);
  if (!UNAVAILABLE.has(error.code)) return internal();
  return new HttpError(503, error.code, "The queue cannot be reached now. Try again later.", { "retry-after": "2" });
}

function internal(): HttpError {
  return new HttpError(500, "internal", "The server failed. See its log for details.");
}

/** The body of an error's response. */
export function errorBody({ code, message }: HttpError): {
  readonly error: { readonly code: string; readonly message: string };
} {
  return { error: { code, message } };
}
