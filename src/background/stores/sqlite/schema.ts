import type { DatabaseSync } from "node:sqlite";
import { JobError } from "../../core/errors.ts";

/**
 * The steps from a file without our tables to this release's schema, each once and in order. A released step is never
 * changed. The file may have tables of the program's own, so ours begin with `rapidai_`, and `user_version` is theirs.
 *
 * Status codes: 0 pending, 1 running, 2 completed, 3 failed, 4 cancelled. A job stands in the index of its id, in one
 * of the partial ones, and unless it runs in `listed`; those that run are few, and found by their leases.
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
    token TEXT,
    lease_ends_at INTEGER,
    ended_token TEXT,
    ended_as INTEGER,
    held_until INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    usage TEXT,
    has_past INTEGER NOT NULL DEFAULT 0,
    has_logs INTEGER NOT NULL DEFAULT 0,
    payload TEXT, -- NULL: among the texts
    result TEXT -- NULL although completed: among the texts
  ) STRICT;
  CREATE INDEX rapidai_due ON rapidai_jobs (lane, run_at, id) WHERE status = 0;
  CREATE INDEX rapidai_leases ON rapidai_jobs (lease_ends_at, id) WHERE status = 1;
  CREATE INDEX rapidai_completed ON rapidai_jobs (completed_at, id) WHERE status = 2;
  CREATE INDEX rapidai_failed ON rapidai_jobs (completed_at, id) WHERE status > 2;
  CREATE INDEX rapidai_listed ON rapidai_jobs (task, status, id) WHERE status <> 1;

  -- Long payloads and results stand apart: a row is written anew with each change of its job.
  CREATE TABLE rapidai_texts (job INTEGER, kind TEXT, text TEXT NOT NULL, PRIMARY KEY (job, kind)) STRICT;
  CREATE TABLE rapidai_past (key INTEGER PRIMARY KEY, job INTEGER NOT NULL, failure TEXT NOT NULL) STRICT;
  CREATE INDEX rapidai_past_of ON rapidai_past (job);
  CREATE TABLE rapidai_logs (key INTEGER PRIMARY KEY, job INTEGER NOT NULL, line TEXT NOT NULL) STRICT;
  CREATE INDEX rapidai_logs_of ON rapidai_logs (job);

  CREATE TABLE rapidai_workers (id TEXT PRIMARY KEY, presence TEXT NOT NULL, gone_at INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE TABLE rapidai_counts (task TEXT, status INTEGER, jobs INTEGER NOT NULL, PRIMARY KEY (task, status))
    STRICT, WITHOUT ROWID;
  `,
  "ALTER TABLE rapidai_jobs ADD COLUMN trace TEXT",
];

/**
 * Brings a file to this release's schema, inside a transaction of the caller.
 *
 * @throws JobError `queue_unavailable` when the file belongs to a newer release; it is left as it is
 */
export function migrate(db: DatabaseSync, path: string): void {
  db.exec("CREATE TABLE IF NOT EXISTS rapidai_schema (version INTEGER NOT NULL) STRICT");
  const version = Number(db.prepare("SELECT max(version) AS version FROM rapidai_schema").get()?.version ?? 0);
  if (version > MIGRATIONS.length) throw newer(path, version);
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  if (version === MIGRATIONS.length) return;
  db.exec("DELETE FROM rapidai_schema");
  db.prepare("INSERT INTO rapidai_schema (version) VALUES (?)").run(MIGRATIONS.length);
}

/** Whether a file has this release's schema; without writing to it. */
export function isMigrated(db: DatabaseSync, path: string): boolean {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'rapidai_schema'").get();
  if (table === undefined) return false;
  const version = Number(db.prepare("SELECT max(version) AS version FROM rapidai_schema").get()?.version ?? 0);
  if (version > MIGRATIONS.length) throw newer(path, version);
  return version === MIGRATIONS.length;
}

function newer(path: string, version: number): JobError {
  return new JobError(
    "queue_unavailable",
    `The queue in ${path} was written by a newer release of rapidai (schema ${version}; this one knows ${MIGRATIONS.length}): use that release, or another file.`,
  );
}
