import type { JobResult } from "../background/core/result.ts";
import { counted, listed } from "../background/core/text.ts";
import { countsIn } from "../background/engine/counts.ts";
import type { Health } from "../background/engine/health.ts";
import type { OldestDue } from "../background/engine/oldest-due.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { type Check, MAX_NAMED, ok, warn } from "./check.ts";
import { formatDuration } from "./format-time.ts";
import { jobsOf } from "./jobs-of.ts";
import { cutTo } from "./text-width.ts";

/** Most tasks whose wait is explained. */
const MAX_EXPLAINED = 10;
/** Most failed jobs that are examined, and most pending ones: those created last, as stores list by creation. */
const MAX_EXAMINED = 1_000;
/** What is said of a job that started, or ended, before it could be explained, as in a backlog that workers get through. */
const MOVING = {
  message: "It is no longer pending, so workers get through the task's jobs, but late.",
  remedy: "Wait, raise the queue's concurrency, or start more workers.",
};
/** How much of an error is shown. */
const ERROR_WIDTH = 200;

/** The time by the clock that the times of jobs are from. */
function nowOf({ details }: Health): number {
  const difference = details.clockDifferenceMs;
  return Date.now() + (typeof difference === "number" ? difference : 0);
}

/** Checks for jobs that hang, wait for long, or fail. */
export async function jobChecks(queue: JobQueue, health: Health, stuckMs: number): Promise<Check[]> {
  const now = nowOf(health);
  const checks = [
    stuckCheck(queue, stuckMs, now),
    waitingChecks(queue, health, stuckMs),
    retriesCheck(queue),
    failuresCheck(queue, now),
  ];
  return (await Promise.all(checks)).flat();
}

async function stuckCheck(queue: JobQueue, stuckMs: number, now: number): Promise<Check> {
  const since = now - stuckMs;
  let running = 0;
  const stuck: JobResult[] = [];
  // Reads all running jobs, since those that have run longest come last.
  for await (const job of jobsOf(queue, { status: "running" }, Number.POSITIVE_INFINITY)) {
    running++;
    if (job.attemptedAt !== null && job.attemptedAt.getTime() < since) stuck.push(job);
  }
  const longest = formatDuration(stuckMs);
  if (stuck.length === 0) return ok("stuck", `${running} running, none for longer than ${longest}`);
  return warn(
    "stuck",
    `${stuck.length} of ${counted(running, "running job")} ${stuck.length === 1 ? "has" : "have"} run for longer than ${longest}: ${names(stuck.reverse())}`,
    "Inspect them with rapidai show. Set a timeout on the task, or cancel them.",
  );
}

/** Whether jobs have long been due, and why. */
async function waitingChecks(queue: JobQueue, { workers }: Health, stuckMs: number): Promise<Check[]> {
  const late = (await queue.oldestDue()).filter(({ waitMs }) => waitMs > stuckMs);
  if (late.length === 0) return [ok("waiting", `No job has been due for longer than ${formatDuration(stuckMs)}`)];
  const served = new Set(workers.flatMap(({ tasks }) => tasks));
  const byServed = Map.groupBy(late, ({ task }) => served.has(task));
  return [...(await heldChecks(queue, byServed.get(true) ?? [])), ...idleChecks(byServed.get(false) ?? [])];
}

/** On jobs that workers could run. */
async function heldChecks(queue: JobQueue, late: readonly OldestDue[]): Promise<Check[]> {
  const counts = await queue.counts();
  const explained = late.slice(0, MAX_EXPLAINED).map(async ({ task, jobId, waitMs }) => {
    const explanation = await queue.explain(jobId);
    const isWaiting = explanation?.status === "pending" || explanation?.status === null;
    const cause = (isWaiting ? explanation.causes[0] : undefined) ?? MOVING;
    const message = `${counted(countsIn(counts, task)?.pending ?? 0, "job")} of ${task} pending, of which ${jobId} has been due for ${formatDuration(waitMs)}: ${cause.message}`;
    return warn("waiting", message, cause.remedy);
  });
  const found = await Promise.all(explained);
  const more = late.length - MAX_EXPLAINED;
  if (more <= 0) return found;
  const message = `${counted(more, "more task")} with jobs that have been due for long.`;
  return [...found, warn("waiting", message, "Once those above are mended, run rapidai doctor again.")];
}

/** On jobs that no live worker can run. */
function idleChecks(late: readonly OldestDue[]): Check[] {
  const [longest] = late;
  if (longest === undefined) return [];
  const names = late.map(({ task }) => task);
  const message = `Jobs whose task no live worker has have been due for up to ${formatDuration(longest.waitMs)}: ${listed(names, MAX_NAMED)}.`;
  return [warn("waiting", message, "Start a worker that has these tasks.")];
}

/**
 * Which pending jobs have failed before. That is no fault, but while something that a task depends on is down, its jobs do
 * not fail until their retries are used up.
 */
async function retriesCheck(queue: JobQueue): Promise<Check> {
  const pending = await queue.listJobs({ status: "pending", limit: MAX_EXAMINED });
  const failedAt = ({ errors }: JobResult) => Number(errors.at(-1)?.at ?? 0);
  const retried = pending.filter(({ error }) => error !== null).sort((a, b) => failedAt(b) - failedAt(a));
  const of = pending.length === MAX_EXAMINED ? `Of the ${MAX_EXAMINED} pending jobs created last, ` : "";
  const [latest] = retried;
  if (latest === undefined)
    return ok("retries", of === "" ? "No pending job has failed before" : `${of}none has failed before`);
  const count = of === "" ? counted(retried.length, "pending job") : retried.length;
  const have = retried.length === 1 ? "has" : "have";
  return ok("retries", `${of}${count} ${have} failed before: ${byTaskOf(retried)}; ${latestOf(latest)}`);
}

async function failuresCheck(queue: JobQueue, now: number): Promise<Check> {
  const since = now - 3_600_000;
  const failed = await queue.listJobs({ status: "failed", limit: MAX_EXAMINED });
  const lately = failed
    .filter(({ completedAt }) => Number(completedAt) > since)
    .sort((a, b) => Number(b.completedAt) - Number(a.completedAt));
  const [latest] = lately;
  const isPartial = failed.length === MAX_EXAMINED;
  if (latest === undefined) {
    const message = isPartial
      ? `Of the ${MAX_EXAMINED} failed jobs created last, none failed within the last hour; for older ones: rapidai list --status failed --finished-since 1h`
      : "No job failed within the last hour";
    return ok("failures", message);
  }
  return warn(
    "failures",
    `${counted(lately.length, "job")}${isPartial ? " or more" : ""} failed within the last hour: ${byTaskOf(lately)}; ${latestOf(latest)}`,
    "Inspect them with rapidai list --status failed. Once the cause is fixed, use rapidai retry.",
  );
}

function byTaskOf(jobs: readonly JobResult[]): string {
  const byTask = [...Map.groupBy(jobs, ({ task }) => task)].sort(([, a], [, b]) => b.length - a.length);
  const tasks = byTask.map(([task, those]) => `${those.length} of ${task}`);
  return listed(tasks, MAX_NAMED);
}

function latestOf({ jobId, error }: JobResult): string {
  return `the latest is ${jobId}: ${cutTo(error ?? "", ERROR_WIDTH)}`;
}

function names(jobs: readonly JobResult[]): string {
  return listed(
    jobs.map(({ jobId, task }) => `${jobId} (${task})`),
    MAX_NAMED,
  );
}
