import type { Logger } from "../background/engine/logger.ts";
import { HttpError } from "./http-error.ts";

/** Tells the operator what a client is not told of. What was refused on purpose has said it all. */
export function logFailure(logger: Logger, what: string, error: unknown, { status }: HttpError): void {
  if (status >= 500 && !(error instanceof HttpError)) logger.error(what, error);
}
