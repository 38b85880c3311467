import { statSync } from "node:fs";
import { JobError } from "../../core/errors.ts";

/** Whether a file is gone, or empty, and its log is left: SQLite would delete the log, and with it the latest jobs. */
export function isLogLeftOver(path: string): boolean {
  // The log first: whoever creates a file writes to its log last.
  return hasContent(`${path}-wal`) && !hasContent(path);
}

/** @throws JobError `queue_unavailable` if the file is gone and its log is left */
export function refuseLeftoverLog(path: string): void {
  if (!isLogLeftOver(path)) return;
  throw new JobError(
    "queue_unavailable",
    `The queue's file ${path} is gone, but its log ${path}-wal is left and may contain jobs: put the file back, or end every program that uses it, remove the log, and start again to continue with a new one.`,
  );
}

function hasContent(file: string): boolean {
  try {
    return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
  } catch {
    // Not even permitted to look, which opening the file will report.
    return false;
  }
}
