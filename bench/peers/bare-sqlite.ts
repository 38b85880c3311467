import { DatabaseSync } from "node:sqlite";
import { newJobId } from "rapidai/background";
import { CONCURRENCY, type Payload } from "../workload.ts";

export type Durability = "full" | "normal";

/** Indexes that a queue needs besides that of due jobs: for lost jobs, listings, and the oldest finished jobs. */
const INDEXES = `
  CREATE INDEX leases ON jobs (lease_ends_at, id) WHERE status = 1;
  CREATE INDEX completed ON jobs (completed_at, id) WHERE status = 2;
  CREATE INDEX listed ON jobs (task, status, id) WHERE status <> 1;
`;

export interface BareOptions {
  readonly isIndexed: boolean;
  /** Jobs per transaction. Default: the queue's concurrency. */
  readonly batch?: number;
}

/**
 * An upper bound: jobs per second of a bare loop that claims and settles in batches. It has ids, an order of due jobs,
 * and tokens, but no leases, listings, counts, retention or engine; with `isIndexed` it maintains the indexes for
 * these.
 */
export function drainBare(
  file: string,
  jobs: readonly Payload[],
  durability: Durability,
  { isIndexed, batch = CONCURRENCY }: BareOptions,
): number {
  const db = new DatabaseSync(file);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${durability};
    CREATE TABLE jobs (
      key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, run_at INTEGER NOT NULL,
      task TEXT NOT NULL DEFAULT 'noop', payload TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, token TEXT, lease_ends_at INTEGER, result TEXT,
      completed_at INTEGER
    ) STRICT;
    CREATE INDEX due ON jobs (run_at, id) WHERE status = 0;
    ${isIndexed ? INDEXES : ""}
  `);
  const insert = db.prepare("INSERT INTO jobs (id, status, run_at, payload) VALUES (?, 0, ?, ?)");
  const due = db.prepare("SELECT id, payload FROM jobs WHERE status = 0 AND run_at <= ? ORDER BY run_at, id LIMIT ?");
  const take = db.prepare(
    "UPDATE jobs SET status = 1, token = ?, lease_ends_at = ?, attempts = attempts + 1 WHERE id = ? AND status = 0",
  );
  const settle = db.prepare("UPDATE jobs SET status = 2, result = ?, completed_at = ? WHERE id = ? AND token = ?");
  const inTransaction = <T>(run: () => T): T => {
    db.exec("BEGIN IMMEDIATE");
    const result = run();
    db.exec("COMMIT");
    return result;
  };
  inTransaction(() => {
    for (const job of jobs) insert.run(newJobId(), Date.now(), JSON.stringify(job));
  });
  const startedAt = performance.now();
  for (let isAnyLeft = true; isAnyLeft; ) {
    const ids = inTransaction(() => {
      const rows = due.all(Date.now(), batch);
      for (const { id } of rows) take.run("token", Date.now() + 30_000, id as string);
      return rows.map(({ id }) => id as string);
    });
    inTransaction(() => {
      for (const id of ids) settle.run("null", Date.now(), id, "token");
    });
    isAnyLeft = ids.length > 0;
  }
  const elapsedMs = performance.now() - startedAt;
  db.close();
  return (jobs.length / elapsedMs) * 1_000;
}
