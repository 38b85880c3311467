import { JobError } from "../background/core/errors.ts";
import { guarded } from "../background/engine/guarded.ts";
import type { Logger } from "../background/engine/logger.ts";

const METHODS = ["debug", "info", "warn", "error"] as const;

/**
 * Wraps a logger so that it never throws or rejects: a failing logger must not break what it logs, and there is nowhere
 * to report its failure.
 *
 * @param owner who uses the logger, for the error message
 * @throws JobError `invalid_option` if `logger` lacks a method
 */
export function nonThrowingLogger(logger: Logger, owner: string): Logger {
  if (!METHODS.every((method) => typeof logger?.[method] === "function")) {
    throw new JobError("invalid_option", `The logger of ${owner} must have the methods debug, info, warn and error.`);
  }
  const telling =
    (method: (typeof METHODS)[number]) =>
    (...about: unknown[]): void => {
      guarded(
        () => logger[method](...about),
        () => {},
      );
    };
  return { debug: telling("debug"), info: telling("info"), warn: telling("warn"), error: telling("error") };
}
