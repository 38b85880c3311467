import { failureOf } from "../background/core/failure.ts";
import { settlesWithin } from "../background/engine/bounded.ts";
import { currentJob } from "../background/engine/current-job.ts";
import { loseJob } from "../background/engine/job.ts";
import type { WorkerLog } from "./worker-log.ts";

interface CrashWatch {
  /** Resolves unless an uncaught error is about to end the process; then it never settles. */
  unlessCrashing(): Promise<void>;
  /** Removes the handlers. */
  end(): void;
}

/** How long handing back jobs may take: after an uncaught error, the process may no longer work. */
const HAND_BACK_MS = 2_000;

/**
 * Logs which jobs are running when the process ends unexpectedly. If the cause is an uncaught error of a job, all other
 * jobs are handed back first, so that it does not count against them; then Node ends the process as usual.
 */
export function watchForCrash(log: WorkerLog, handBack: () => Promise<unknown>): CrashWatch {
  let isCrashing = false;
  let crash: Promise<never> | undefined;
  const onError = (error: Error) => {
    // With a listener of the program's own, the process may not end.
    const isHandled = process.listenerCount("uncaughtException") > 0 || process.hasUncaughtExceptionCaptureCallback();
    if (isCrashing || isHandled) return;
    isCrashing = true;
    const culprit = currentJob();
    const { name, message } = failureOf(error);
    log.crashed(`${name}: ${message}`, culprit?.id);
    if (culprit === undefined) return;
    crash = new Promise(() => {});
    loseJob(culprit);
    // Keeps the process alive while jobs are handed back. It is called with this error too.
    const onMore = (more: unknown) => {
      if (more !== error) log.error(more);
    };
    process.on("uncaughtException", onMore);
    void settlesWithin(HAND_BACK_MS, handBack()).then(() =>
      setImmediate(() => {
        process.off("uncaughtException", onMore);
        throw error;
      }),
    );
  };
  const onExit = (code: number) => {
    if (!isCrashing) log.crashed(`The process exits with ${code}`);
  };
  process.on("uncaughtExceptionMonitor", onError);
  process.on("exit", onExit);
  return {
    unlessCrashing: async () => crash,
    end: () => {
      process.off("uncaughtExceptionMonitor", onError);
      process.off("exit", onExit);
    },
  };
}
