import type { Duration } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import type { JobResult } from "../background/core/result.ts";
import { isStoreAway } from "../background/engine/outage.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { progressText } from "./job-page.ts";
import { safeLine } from "./safe-text.ts";
import { spokenSince } from "./spoken-time.ts";
import type { Terminal } from "./terminal.ts";
import { warn } from "./warn.ts";

const LOOK_EVERY_MS = 250;
/** A job that is due for so long and does not run may need somebody to do something. */
const WHY_AFTER_MS = 3_000;
const BAR = 24;

export interface FollowOptions {
  readonly json?: boolean | undefined;
  /** For how long at most. */
  readonly timeout?: Duration | undefined;
}

/**
 * Shows a job's progress until it is done: a moving bar on a terminal, elsewhere a line whenever it has changed. Says why, once, when
 * it is due and does not run.
 *
 * @returns whether it is done; not when it was interrupted or there is no such job
 * @throws JobError `wait_timeout` when it takes longer than it may
 */
export async function follow(
  queue: JobQueue,
  jobId: string,
  terminal: Terminal,
  { json = false, timeout }: FollowOptions,
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
  // Not a race with `done`, which would keep something of each look for as long as the job takes.
  const pause = () =>
    new Promise<void>((resolve) => {
      endPause = resolve;
      setTimeout(resolve, LOOK_EVERY_MS);
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
  let isAway = false;
  // As the wait itself does, it goes on when the store is back.
  const look = async () => {
    try {
      const job = await queue.getResult(jobId);
      isAway = false;
      return job;
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      const { code, message } = error;
      if (!isAway) warn(terminal, { code, message: `${message} Job ${jobId} is waited for all the same.` }, { json });
      isAway = true;
      return null;
    }
  };
  try {
    for (;;) {
      if (!isOver) await pause();
      if (isOver) return await done;
      const job = await look();
      if (job?.status === "pending" && Date.now() - job.runAt.getTime() > WHY_AFTER_MS) await explain();
      if (job === null || json) continue;
      const text = lineOf(job);
      if (terminal.isInteractive) terminal.live(`${barOf(job)}${text}`);
      else if (text !== last) terminal.say(text);
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
  const waits = job.runAt.getTime() > Date.now() ? `  ${spokenSince(job.runAt, Date.now())}` : "";
  return `${job.status}${waits}${job.error === null ? "" : `  ${safeLine(job.error)}`}`;
}

function barOf({ status, progress }: JobResult): string {
  if (status !== "running" || progress?.fraction == null) return "";
  const full = Math.round(BAR * progress.fraction);
  return `${"█".repeat(full)}${"░".repeat(BAR - full)} `;
}
