import { JobError } from "../background/core/errors.ts";
import type { JobResult } from "../background/core/result.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { progressText } from "./job-page.ts";
import { safeLine } from "./safe-text.ts";
import { spokenSince } from "./spoken-time.ts";
import type { Terminal } from "./terminal.ts";

const LOOK_EVERY_MS = 250;
const BAR = 24;

/**
 * Shows a job's progress until it is done: a moving bar on a terminal, elsewhere a line whenever it has changed.
 *
 * @returns whether it is done; not when it was interrupted or there is no such job
 */
export async function follow(
  queue: JobQueue,
  jobId: string,
  terminal: Terminal,
  { json = false }: { readonly json?: boolean | undefined },
  interrupted: AbortSignal,
): Promise<boolean> {
  const ended = new AbortController();
  const signal = AbortSignal.any([interrupted, ended.signal]);
  const done = queue.wait(jobId, { signal }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof JobError && ["wait_aborted", "job_not_found"].includes(error.code)) return false;
      throw error;
    },
  );
  let last = "";
  try {
    for (;;) {
      const isOver = await Promise.race([done.then(() => true), pause()]);
      if (isOver) return await done;
      const job = await queue.getResult(jobId);
      if (job === null || json) continue;
      const text = lineOf(job);
      if (terminal.isInteractive) terminal.live(`${barOf(job)}${text}`);
      else if (text !== last) terminal.say(text);
      last = text;
    }
  } finally {
    ended.abort();
    terminal.live("");
  }
}

function pause(): Promise<boolean> {
  return new Promise((resolve) => setTimeout(() => resolve(false), LOOK_EVERY_MS));
}

function lineOf(job: JobResult): string {
  if (job.status === "running") return safeLine(`running  ${progressText(job)}`.trimEnd());
  const waits = job.runAt.getTime() > Date.now() ? `  ${spokenSince(job.runAt, Date.now())}` : "";
  return `${job.status}${waits}${job.error === null ? "" : `  ${safeLine(job.error)}`}`;
}

function barOf({ status, progress }: JobResult): string {
  if (status !== "running" || progress?.fraction == null) return "";
  const full = Math.round(BAR * progress.fraction);
  return `${"█".repeat(full)}${"░".repeat(BAR - full)} `;
}
