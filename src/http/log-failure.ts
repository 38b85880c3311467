import { failureOf } from "../background/core/failure.ts";
import type { Logger } from "../background/engine/logger.ts";
import type { Repeats } from "../background/engine/repeats.ts";
import { HttpError } from "./http-error.ts";

/** Where failed requests are logged, and what limits repeated entries. */
export interface FailureLog {
  readonly logger: Logger;
  readonly repeats: Repeats;
}

/** Logs errors whose details the client does not see. Deliberate refusals need no entry. */
export function logFailure({ logger, repeats }: FailureLog, what: string, error: unknown, { status }: HttpError): void {
  if (status < 500 || error instanceof HttpError) return;
  // While the backend is unreachable all requests fail alike, and an open dashboard sends many.
  if (status === 503 && !repeats.isNews(`${what} ${failureOf(error).message}`, performance.now())) return;
  logger.error(what, error);
}
