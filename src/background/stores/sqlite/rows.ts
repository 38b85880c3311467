import { parsed } from "../../core/parsed.ts";
import { readProgress } from "../../core/progress.ts";
import type { ClaimedJob, JobRecord, Wanted } from "../../core/store.ts";
import { readUsage } from "../../core/usage.ts";
import type { JobHistory } from "./job-history.ts";
import { statusOf } from "./statuses.ts";
import type { Texts } from "./texts.ts";

/** The columns of `rapidai_records` that are read. */
const COLUMNS = [
  ...["key", "id", "v", "task", "status", "max_retries", "attempts", "attempt_limit", "losses", "created_at", "run_at"],
  ...["started_at", "attempted_at", "completed_at", "worker", "cancelled_by", "progress", "usage", "trace", "has_past"],
  ...["has_logs", "payload", "result"],
];

/**
 * A {@link RecordRow} as JSON made by SQLite. All users' texts are read as JSON, because `node:sqlite` cuts a text at its
 * first NUL, at least up to Node 22.22 and 24.8.
 */
export const RECORD: string = `json_object(${COLUMNS.map((name) => `'${name}', ${name}`).join(", ")}) AS record`;

/** A row of `rapidai_records`. */
export interface RecordRow {
  readonly key: number;
  readonly id: string;
  readonly v: number;
  readonly task: string;
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
  readonly progress: string | null;
  readonly usage: string | null;
  readonly trace: string | null;
  readonly has_past: number;
  readonly has_logs: number;
  readonly payload: string | null;
  readonly result: string | null;
}

export function recordOf(
  row: RecordRow,
  { isDetailed = false, isBrief = false }: Wanted,
  texts: Texts,
  history: JobHistory,
): JobRecord {
  const status = statusOf(row.status);
  return {
    v: row.v,
    id: row.id,
    task: row.task,
    status,
    payload: isDetailed ? (row.payload ?? texts.get(row.key, "payload") ?? "") : "",
    result: isBrief || status !== "completed" ? null : (row.result ?? texts.get(row.key, "result")),
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
    progress: readProgress(parsed(row.progress)),
    usage: readUsage(parsed(row.usage)),
    trace: row.trace,
    past: row.has_past ? history.past(row.key) : [],
    logs: isDetailed && row.has_logs ? history.lines(row.key) : [],
  };
}

/** A running attempt and its job as a tuple: property names would be most of its JSON. */
export type ClaimedRow = readonly [
  key: number,
  id: string,
  v: number,
  task: string,
  payload: string | null,
  worker: string,
  attempts: number,
  attemptLimit: number,
  maxRetries: number,
  losses: number,
  createdAt: number,
  runAt: number,
  attemptedAt: number,
  usage: string | null,
  trace: string | null,
];

/** The SQL of a {@link ClaimedRow} as JSON: the columns of `job`, and the given expressions for the attempt. */
export function claimedColumns(worker: string, attemptedAt: string, usage: string): string {
  return `json_array(job.key, job.id, job.v, job.task,
    coalesce(job.payload, (SELECT text FROM rapidai_texts WHERE job = job.key AND kind = 'payload')), ${worker}, job.attempts + 1,
    job.attempt_limit, job.max_retries, job.losses, job.created_at, job.run_at, ${attemptedAt}, ${usage}, job.trace)`;
}

export function claimedJobOf(row: ClaimedRow, isLost: boolean): ClaimedJob {
  return {
    v: row[2],
    id: row[1],
    task: row[3],
    payload: row[4] ?? "",
    isLost,
    worker: row[5],
    attempts: row[6],
    attemptLimit: row[7],
    maxRetries: row[8],
    losses: row[9],
    createdAt: row[10],
    runAt: row[11],
    attemptedAt: row[12],
    usage: readUsage(parsed(row[13])),
    trace: row[14],
  };
}
