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
