import type { Duration } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import type { JobResult } from "../background/core/result.ts";
import { isStoreAway } from "../background/engine/outage.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { formatRelative } from "./format-time.ts";
import { progressText } from "./job-page.ts";
import { safeLine } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";
import { warn } from "./warn.ts";

const POLL_INTERVAL_MS = 250;
/** How long a job has to be overdue before it is explained: it may need someone to act. */
const EXPLAIN_AFTER_MS = 3_000;
const BAR_WIDTH = 24;

export interface FollowOptions {
  readonly json?: boolean | undefined;
  /** Default: no limit. */
  readonly timeout?: Duration | undefined;
  /** Whether a program may read the output for the job's result: progress is shown on a terminal alone. */
  readonly isForResult?: boolean;
}

/**
 * Shows a job's progress until it is done: a progress bar on a terminal, else a line for each change. If the job is due
 * but does not start, it says why, once.
 *
 * @returns whether the job is done; false if interrupted, or if there is no such job
 * @throws JobError `wait_timeout` after the timeout
 */
export async function follow(
  queue: JobQueue,
  jobId: string,
  terminal: Terminal,
  { json = false, timeout, isForResult = false }: FollowOptions,
  interrupted: AbortSignal,
): Promise<boolean> {
  const ended = new AbortController();
  const signal = AbortSignal.any([interrupted, ended.signal]);
  const done = queue.wait(jobId, { signal, timeout }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof JobError && ["wait_aborted", "job_not_found"].includes(error.code)) return false;
      throw error;
    },
  );
  let isOver = false;
  let endPause = () => {};
  const end = () => {
    isOver = true;
    endPause();
  };
  done.then(end, end);
  // Not a race with `done`: each race would leave a reaction on it for as long as the job takes.
  const pause = () =>
    new Promise<void>((resolve) => {
      endPause = resolve;
      setTimeout(resolve, POLL_INTERVAL_MS);
    });
  let last = "";
  let isExplained = false;
  const explain = async () => {
    if (isExplained) return;
    isExplained = true;
    const explanation = await queue.explain(jobId);
    if (explanation?.status !== "pending") return;
    warn(terminal, { code: explanation.causes[0]?.code ?? "unknown", message: explanation.summary }, { json });
  };
  let isUnreachable = false;
  // Like the wait itself, polling continues when the store can be reached again.
  const poll = async () => {
    try {
      const job = await queue.getResult(jobId);
      isUnreachable = false;
      return job;
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      const { code, message } = error;
      if (!isUnreachable) warn(terminal, { code, message: `${message} Still waiting for job ${jobId}.` }, { json });
      isUnreachable = true;
      return null;
    }
  };
  try {
    for (;;) {
      if (!isOver) await pause();
      if (isOver) return await done;
      const job = await poll();
      if (job?.status === "pending" && Date.now() - job.runAt.getTime() > EXPLAIN_AFTER_MS) await explain();
      if (job === null || json) continue;
      const text = lineOf(job);
      if (terminal.isInteractive) terminal.live(`${barOf(job)}${text}`);
      else if (!isForResult && text !== last) terminal.say(text);
      last = text;
    }
  } catch (error) {
    if (error instanceof JobError && error.code === "wait_timeout") await explain();
    throw error;
  } finally {
    ended.abort();
    terminal.live("");
  }
}

function lineOf(job: JobResult): string {
  if (job.status === "running") return safeLine(`running  ${progressText(job)}`.trimEnd());
  const waits = job.runAt.getTime() > Date.now() ? `  ${formatRelative(job.runAt, Date.now())}` : "";
  return `${job.status}${waits}${job.error === null ? "" : `  ${safeLine(job.error)}`}`;
}

function barOf({ status, progress }: JobResult): string {
  if (status !== "running" || progress?.fraction == null) return "";
  const full = Math.round(BAR_WIDTH * progress.fraction);
  return `${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} `;
}
