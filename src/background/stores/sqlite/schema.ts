import type { DatabaseSync } from "node:sqlite";
import { JobError } from "../../core/errors.ts";
import { NEVER } from "./leases.ts";
import type { Statements } from "./statements.ts";

/**
 * The migrations from a file without our tables to this release's schema, each run once and in order. A released one is
 * never changed. The file may have tables of the program's own: ours begin with `rapidai_`, and `user_version` is theirs.
 *
 * A job's own row is wide and in four indexes, so the path of most jobs avoids writing it: a claim adds a row to
 * `rapidai_running`, a completion moves that to `rapidai_completed`. The job's own row is updated only when an attempt
 * ends in another way. The view `rapidai_records` combines them.
 *
 * Status codes: 0 pending, 1 running, 2 completed, 3 failed, 4 cancelled. In a job's own row, 0 is any of the first three.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE rapidai_jobs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    v INTEGER NOT NULL,
    task TEXT NOT NULL,
    lane TEXT NOT NULL,
    status INTEGER NOT NULL DEFAULT 0,
    max_retries INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempt_limit INTEGER NOT NULL,
    losses INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    started_at INTEGER,
    attempted_at INTEGER,
    completed_at INTEGER,
    worker TEXT,
    cancelled_by TEXT,
    ended_token TEXT,
    ended_as INTEGER,
    held_until INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    usage TEXT,
    trace TEXT,
    has_past INTEGER NOT NULL DEFAULT 0,
    has_logs INTEGER NOT NULL DEFAULT 0,
    payload TEXT -- NULL: among the texts
  ) STRICT;
  CREATE INDEX rapidai_failed ON rapidai_jobs (completed_at, id) WHERE status > 2;
  CREATE INDEX rapidai_failed_of ON rapidai_jobs (task, status, id) WHERE status > 2;

  -- Who is pending, in the order of the claims and in that of the pages.
  CREATE TABLE rapidai_due (
    lane TEXT, run_at INTEGER, id TEXT, key INTEGER NOT NULL, task TEXT NOT NULL, PRIMARY KEY (lane, run_at, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX rapidai_due_of ON rapidai_due (task, id);

  -- The attempts that run: few, and so in no further index.
  CREATE TABLE rapidai_running (
    key INTEGER PRIMARY KEY,
    token TEXT NOT NULL,
    lease_ends_at INTEGER NOT NULL,
    worker TEXT NOT NULL,
    attempted_at INTEGER NOT NULL,
    progress TEXT,
    usage TEXT -- NULL: as the job's own
  ) STRICT;
  -- Until then, no lease runs out, so that nobody need look for one.
  CREATE TABLE rapidai_leases (none_ends_before INTEGER NOT NULL) STRICT;
  INSERT INTO rapidai_leases VALUES (${NEVER});
  -- The latest time that was noted: for a clock that is set back.
  CREATE TABLE rapidai_clock (latest INTEGER NOT NULL) STRICT;
  INSERT INTO rapidai_clock VALUES (0);

  CREATE TABLE rapidai_completed (
    task TEXT,
    id TEXT,
    completed_at INTEGER NOT NULL,
    first INTEGER NOT NULL,
    progress TEXT,
    usage TEXT, -- NULL: as the job's own
    result TEXT, -- NULL: among the texts
    PRIMARY KEY (task, id)
  ) STRICT, WITHOUT ROWID;
  -- What was completed together, with what those have in common; the keys of the jobs, the first of them in the name. In the
  -- order in which they go.
  CREATE TABLE rapidai_completions (
    completed_at INTEGER,
    first INTEGER,
    token TEXT NOT NULL,
    worker TEXT NOT NULL,
    attempted_at INTEGER NOT NULL,
    jobs TEXT NOT NULL,
    PRIMARY KEY (completed_at, first)
  ) STRICT, WITHOUT ROWID;

  -- Long payloads and results stand apart, so that rows stay short.
  CREATE TABLE rapidai_texts (job INTEGER, kind TEXT, text TEXT NOT NULL, PRIMARY KEY (job, kind)) STRICT;
  CREATE TABLE rapidai_past (key INTEGER PRIMARY KEY, job INTEGER NOT NULL, failure TEXT NOT NULL) STRICT;
  CREATE INDEX rapidai_past_of ON rapidai_past (job);
  CREATE TABLE rapidai_logs (key INTEGER PRIMARY KEY, job INTEGER NOT NULL, line TEXT NOT NULL) STRICT;
  CREATE INDEX rapidai_logs_of ON rapidai_logs (job);

  CREATE TABLE rapidai_workers (id TEXT PRIMARY KEY, presence TEXT NOT NULL, gone_at INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE TABLE rapidai_counts (task TEXT, status INTEGER, jobs INTEGER NOT NULL, PRIMARY KEY (task, status))
    STRICT, WITHOUT ROWID;

  CREATE VIEW rapidai_records AS
    SELECT job.key, job.id, job.v, job.task, job.lane,
      CASE WHEN done.id IS NOT NULL THEN 2 WHEN run.key IS NOT NULL THEN 1 ELSE job.status END AS status,
      job.max_retries, job.attempts + (done.id IS NOT NULL OR run.key IS NOT NULL) AS attempts, job.attempt_limit, job.losses,
      job.created_at, job.run_at,
      coalesce(job.started_at, batch.attempted_at, run.attempted_at) AS started_at,
      coalesce(batch.attempted_at, run.attempted_at, job.attempted_at) AS attempted_at,
      coalesce(done.completed_at, job.completed_at) AS completed_at,
      coalesce(batch.worker, run.worker, job.worker) AS worker,
      job.cancelled_by, run.token, run.lease_ends_at,
      coalesce(batch.token, job.ended_token) AS ended_token,
      iif(done.id IS NULL, job.ended_as, 2) AS ended_as,
      CASE WHEN done.id IS NOT NULL THEN done.progress WHEN run.key IS NOT NULL THEN run.progress ELSE job.progress END
        AS progress,
      coalesce(done.usage, run.usage, job.usage) AS usage,
      job.trace, job.held_until, job.has_past, job.has_logs, job.payload, done.result
    FROM rapidai_jobs AS job
      LEFT JOIN rapidai_running AS run ON run.key = job.key
      LEFT JOIN rapidai_completed AS done ON done.task = job.task AND done.id = job.id
      LEFT JOIN rapidai_completions AS batch ON batch.completed_at = done.completed_at AND batch.first = done.first;
  `,
];

/**
 * Migrates a file to this release's schema, within a transaction of the caller.
 *
 * @throws JobError `queue_unavailable` if the file belongs to a newer release; it is left unchanged
 */
export function migrate(db: DatabaseSync, path: string): void {
  db.exec("CREATE TABLE IF NOT EXISTS rapidai_schema (version INTEGER NOT NULL) STRICT");
  const version = versionIn(db, path);
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  if (version === MIGRATIONS.length) return;
  db.exec("DELETE FROM rapidai_schema");
  db.prepare("INSERT INTO rapidai_schema (version) VALUES (?)").run(MIGRATIONS.length);
}

/**
 * Whether a file has this release's schema, found out without writing to it.
 *
 * @throws JobError `queue_unavailable` if the file belongs to a newer release
 */
export function isMigrated(db: Statements, path: string): boolean {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'rapidai_schema'").get();
  if (table === undefined) return false;
  return versionIn(db, path) === MIGRATIONS.length;
}

function versionIn(db: Statements, path: string): number {
  const version = Number(db.prepare("SELECT max(version) AS version FROM rapidai_schema").get()?.version ?? 0);
  if (version <= MIGRATIONS.length) return version;
  throw new JobError(
    "queue_unavailable",
    `The queue's file ${path} was written by a newer release of rapidai (schema ${version}; this release knows ${MIGRATIONS.length}): use that release, or another file.`,
  );
}
