import type { JobResult } from "../background/core/result.ts";
import type { JobStatus } from "../background/core/status.ts";
import type { Cell } from "./table.ts";
import type { Style } from "./terminal.ts";

const STYLES: Readonly<Record<JobStatus, Style>> = {
  pending: "yellow",
  running: "cyan",
  completed: "green",
  failed: "red",
  cancelled: "magenta",
};

export function statusCell(status: JobStatus): Cell {
  return { text: status, style: STYLES[status] };
}

export function styleOf(status: JobStatus): Style {
  return STYLES[status];
}

/** The attempts so far, and the most that a job may have unless it has had more: each retry by hand adds a new budget. */
export function attemptsText({ attempts, maxRetries }: JobResult): string {
  return attempts > maxRetries + 1 ? `${attempts}` : `${attempts}/${maxRetries + 1}`;
}
