import { failureOf } from "../background/core/failure.ts";
import type { Logger } from "../background/engine/logger.ts";
import type { Repeats } from "../background/engine/repeats.ts";
import { HttpError } from "./http-error.ts";

/** Where it is told that a request failed. */
export interface FailureLog {
  readonly logger: Logger;
  readonly repeats: Repeats;
}

/** Tells the operator what a client is not told of. What was refused on purpose has said it all. */
export function logFailure({ logger, repeats }: FailureLog, what: string, error: unknown, { status }: HttpError): void {
  if (status < 500 || error instanceof HttpError) return;
  // While the backend is away all requests fail alike, and a page asks again and again.
  if (status === 503 && !repeats.isNews(`${what} ${failureOf(error).message}`, performance.now())) return;
  logger.error(what, error);
}
