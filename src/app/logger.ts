import { JobError } from "../background/core/errors.ts";
import { guarded } from "../background/engine/guarded.ts";
import type { Logger } from "../background/engine/logger.ts";

const METHODS = ["debug", "info", "warn", "error"] as const;

/**
 * A logger that never throws, nor rejects: one that fails must not take with it what it is told about, and nobody is left to tell.
 *
 * @param owner whose it is, for the message
 * @throws JobError `invalid_option` for what is no logger
 */
export function forgivingLogger(logger: Logger, owner: string): Logger {
  if (!METHODS.every((method) => typeof logger?.[method] === "function")) {
    throw new JobError("invalid_option", `The logger of ${owner} has to have the methods debug, info, warn and error.`);
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
