import { JobError, type JobErrorCode } from "../background/core/errors.ts";
import type { Logger } from "../background/engine/logger.ts";
import { toJson } from "./json.ts";

/** Part of a request that does not fit: where, and what is wrong with it. */
export interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface RefusalBody {
  readonly error: string;
  readonly code: string;
  readonly issues?: readonly Issue[];
}

/** A request that is answered with a status from 400 on, and a body that says why. */
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

/** A 413. The rest of the body is not read, so the connection cannot be used again. */
export function bodyTooLarge(limit: number): Refusal {
  const error = `The body is larger than the ${limit} bytes that are accepted.`;
  return new Refusal(413, { error, code: "body_too_large" }, { connection: "close" });
}

/** What a client is told of a document: the message itself may name a file that the server chose. */
const OF_A_DOCUMENT: Readonly<Partial<Record<JobErrorCode, string>>> = {
  document_not_found: "There is no such document.",
  document_forbidden: "This document may not be read.",
  document_empty: "The document has no text in it.",
  document_encrypted: "The document is protected by a password: save it without one.",
  document_mislabelled: "The document is not of the kind that it is said to be.",
  document_unsupported: "The document is of a kind that cannot be read.",
  document_unreadable: "The document is damaged, or takes too long to read.",
  document_too_large: "The document, or the text in it, is too large.",
};
const INTERNAL = { error: "Internal Server Error" };

/** What the client is told of an error: what it did wrong, or nothing. */
export function describeError(error: unknown): Refusal["body"] | typeof INTERNAL {
  if (error instanceof Refusal) return error.body;
  if (error instanceof JobError && statusOf(error) < 500) {
    return { error: OF_A_DOCUMENT[error.code] ?? error.message, code: error.code };
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

/** What nobody reads any more, and statistics count: nginx has this status for a client that closed the request. */
const GONE = new Refusal(499, { error: "The client went away.", code: "client_gone" });

/** The response to a request that led to an error. */
export function errorResponse(thrown: unknown, signal?: AbortSignal): Response {
  const error = signal !== undefined && isGone(thrown, signal) ? GONE : thrown;
  const headers = { "content-type": "application/json", ...(error instanceof Refusal ? error.headers : {}) };
  return new Response(toJson(describeError(error)) ?? null, { status: statusOf(error), headers });
}

/** Tells the operator about an error the client is not to blame for; a client that went away is no error. */
export function logError(logger: Logger, what: string, error: unknown, signal: AbortSignal): void {
  if (isRefusal(error) || isGone(error, signal)) return;
  logger.error(what, error);
}

/** Whether an error says no more than that the client went away. */
function isGone(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && isAbort(error)));
}

function isAbort({ name, message, code }: NodeJS.ErrnoException): boolean {
  // The latter is what Node's requests fail with whose body breaks off.
  return name === "AbortError" || (code === "ECONNRESET" && message === "aborted");
}
