import { failureOf } from "../background/core/failure.ts";
import { settlesWithin } from "../background/engine/bounded.ts";
import { currentJob, loseJob } from "../background/engine/job.ts";
import type { WorkerLog } from "./worker-log.ts";

interface Attendance {
  unlessCrashing(): Promise<void>;
  end(): void;
}

/** How long jobs may take to be handed back: nobody knows how much of the process still works. */
const HAND_BACK_MS = 2_000;

/**
 * Has a process that ends amid jobs say which. Where an error that nobody handled ends it, and it was thrown on behalf of a job, all others
 * are handed back first, so that they do not pay for it; then Node ends the process as it would have.
 *
 * @returns what ends this, and `unlessCrashing`, which resolves unless an error is about to end the process
 */
export function attendCrash(log: WorkerLog, handBack: () => Promise<unknown>): Attendance {
  let isCrashing = false;
  let crash: Promise<never> | undefined;
  const onError = (error: Error) => {
    // Whoever listens for such errors says what becomes of the process.
    const isHeard = process.listenerCount("uncaughtException") > 0 || process.hasUncaughtExceptionCaptureCallback();
    if (isCrashing || isHeard) return;
    isCrashing = true;
    const culprit = currentJob();
    const { name, message } = failureOf(error);
    log.crashed(`${name}: ${message}`, culprit?.id);
    if (culprit === undefined) return;
    crash = new Promise(() => {});
    loseJob(culprit);
    // Node goes on for as long as there is a listener, which hears of this error as well.
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
    if (!isCrashing) log.crashed(`The process ends with ${code}`);
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
