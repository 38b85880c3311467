import { JobError, type JobErrorCode } from "../background/core/errors.ts";
import type { Logger } from "../background/engine/logger.ts";
import { toJson } from "./json.ts";

/** An invalid part of a request: its path in the input, and what is wrong with it. */
export interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface RefusalBody {
  readonly error: string;
  readonly code: string;
  readonly issues?: readonly Issue[];
}

/** Thrown to answer a request with an error status, and a body that says why. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: RefusalBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: RefusalBody, headers: Readonly<Record<string, string>> = {}) {
    super(body.error);
    this.name = "Refusal";
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A 400. */
export function invalidInput(error: string, issues?: readonly Issue[]): Refusal {
  return new Refusal(400, { error, code: "invalid_input", ...(issues && { issues }) });
}

/** A 413. The rest of the body is not read, so the connection cannot be reused. */
export function bodyTooLarge(limit: number): Refusal {
  const error = `The body must be at most ${limit} bytes.`;
  return new Refusal(413, { error, code: "body_too_large" }, { connection: "close" });
}

/** What clients are told instead of a document error's own message, which may name a path on the server. */
const DOCUMENT_MESSAGES: Readonly<Partial<Record<JobErrorCode, string>>> = {
  document_not_found: "The document was not found.",
  document_forbidden: "The document may not be read.",
  document_empty: "The document contains no text.",
  document_encrypted: "The document is password-protected: save it without a password.",
  document_mislabelled: "The document is not of the type that was stated.",
  document_unsupported: "The document is of a type that cannot be read.",
  document_unreadable: "The document is damaged, or takes too long to read.",
  document_too_large: "The document or its text is too large.",
};
const INTERNAL = { error: "Internal Server Error" };

/** What the client is told about an error: what it did wrong, or no more than that the server failed. */
export function describeError(error: unknown): Refusal["body"] | typeof INTERNAL {
  if (error instanceof Refusal) return error.body;
  if (error instanceof JobError && statusOf(error) < 500) {
    return { error: DOCUMENT_MESSAGES[error.code] ?? error.message, code: error.code };
  }
  return INTERNAL;
}

function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  if (!(error instanceof JobError)) return 500;
  return error.code === "job_not_found" ? 404 : error.isInputError ? 400 : 500;
}

/** Whether the client is at fault. */
function isRefusal(error: unknown): boolean {
  return describeError(error) !== INTERNAL;
}

/** Nobody receives this response, but statistics count it. 499 is nginx's status for a client that disconnected. */
const CLIENT_GONE = new Refusal(499, { error: "The client disconnected.", code: "client_gone" });

/** The response to a request whose handling threw. */
export function errorResponse(thrown: unknown, signal?: AbortSignal): Response {
  const error = signal !== undefined && isGone(thrown, signal) ? CLIENT_GONE : thrown;
  const headers = { "content-type": "application/json", ...(error instanceof Refusal ? error.headers : {}) };
  return new Response(toJson(describeError(error)) ?? null, { status: statusOf(error), headers });
}

/** Logs an error, unless it is the client's fault or only says that the client disconnected. */
export function logError(logger: Logger, what: string, error: unknown, signal: AbortSignal): void {
  if (isRefusal(error) || isGone(error, signal)) return;
  logger.error(what, error);
}

/** Whether an error only says that the client disconnected. */
function isGone(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && isAbort(error)));
}

function isAbort({ name, message, code }: NodeJS.ErrnoException): boolean {
  // The latter is how reading the body fails in Node when the connection is closed midway.
  return name === "AbortError" || (code === "ECONNRESET" && message === "aborted");
}
