import type { ClaimedJob, JobRecord, Progress, Usage } from "../../core/store.ts";
import type { Journal } from "./journal.ts";
import { statusOf } from "./statuses.ts";
import type { Texts } from "./texts.ts";

/** A row of `rapidai_jobs`, as far as it is read. */
export interface JobRow {
  readonly key: number;
  readonly id: string;
  readonly v: number;
  readonly task: string;
  readonly lane: string;
  readonly status: number;
  readonly max_retries: number;
  readonly attempts: number;
  readonly attempt_limit: number;
  readonly losses: number;
  readonly created_at: number;
  readonly run_at: number;
  readonly started_at: number | null;
  readonly attempted_at: number | null;
  readonly completed_at: number | null;
  readonly worker: string | null;
  readonly cancelled_by: string | null;
  readonly token: string | null;
  readonly ended_token: string | null;
  readonly ended_as: number | null;
  readonly progress: string | null;
  readonly usage: string | null;
  readonly trace: string | null;
  readonly has_past: number;
  readonly has_logs: number;
  readonly payload: string | null;
  readonly result: string | null;
}

/** What {@link claimedJobOf} reads. */
export const CLAIMED_COLUMNS =
  "rapidai_jobs.key, rapidai_jobs.id, v, task, lane, payload, worker, attempts, attempt_limit, max_retries, losses, created_at, run_at, attempted_at, usage, trace";

export function claimedJobOf(row: JobRow, isLost: boolean, texts: Texts): ClaimedJob {
  return {
    v: row.v,
    id: row.id,
    task: row.task,
    payload: row.payload ?? texts.get(row.key, "payload") ?? "",
    isLost,
    worker: row.worker as string,
    attempts: row.attempts,
    attemptLimit: row.attempt_limit,
    maxRetries: row.max_retries,
    losses: row.losses,
    createdAt: row.created_at,
    runAt: row.run_at,
    attemptedAt: row.attempted_at as number,
    usage: parsed<Usage>(row.usage),
    trace: row.trace,
  };
}

export function recordOf(row: JobRow, isDetailed: boolean, texts: Texts, journal: Journal): JobRecord {
  const status = statusOf(row.status);
  return {
    v: row.v,
    id: row.id,
    task: row.task,
    status,
    payload: isDetailed ? (row.payload ?? texts.get(row.key, "payload") ?? "") : "",
    result: row.result ?? (status === "completed" ? texts.get(row.key, "result") : null),
    maxRetries: row.max_retries,
    attempts: row.attempts,
    attemptLimit: row.attempt_limit,
    losses: row.losses,
    createdAt: row.created_at,
    runAt: row.run_at,
    startedAt: row.started_at,
    attemptedAt: row.attempted_at,
    completedAt: row.completed_at,
    worker: row.worker,
    cancelledBy: row.cancelled_by,
    progress: parsed<Progress>(row.progress),
    usage: parsed<Usage>(row.usage),
    trace: row.trace,
    past: row.has_past ? journal.past(row.key) : [],
    logs: isDetailed && row.has_logs ? journal.lines(row.key) : [],
  };
}

function parsed<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}
