import { DatabaseSync } from "node:sqlite";
import { CONCURRENCY, type Payload } from "../workload.ts";

export type Durability = "full" | "normal";

/**
 * The ceiling: jobs a second through a bare loop that claims and settles in batches as large as the queue's concurrency.
 * One table, one index, no leases, no lists, no retention, no engine: what is left is SQLite itself.
 */
export function drainBare(file: string, jobs: readonly Payload[], durability: Durability): number {
  const db = new DatabaseSync(file);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${durability};
    CREATE TABLE jobs (key INTEGER PRIMARY KEY, status INTEGER NOT NULL, payload TEXT NOT NULL, token TEXT, result TEXT) STRICT;
    CREATE INDEX due ON jobs (key) WHERE status = 0;
  `);
  const insert = db.prepare("INSERT INTO jobs (status, payload) VALUES (0, ?)");
  const due = db.prepare("SELECT key, payload FROM jobs INDEXED BY due WHERE status = 0 ORDER BY key LIMIT ?");
  const take = db.prepare("UPDATE jobs SET status = 1, token = ? WHERE key = ?");
  const settle = db.prepare("UPDATE jobs SET status = 2, result = ? WHERE key = ? AND token = ?");
  const inTransaction = (run: () => void) => {
    db.exec("BEGIN IMMEDIATE");
    run();
    db.exec("COMMIT");
  };
  inTransaction(() => {
    for (const job of jobs) insert.run(JSON.stringify(job));
  });
  const startedAt = performance.now();
  for (let rows = due.all(CONCURRENCY); rows.length > 0; rows = due.all(CONCURRENCY)) {
    inTransaction(() => {
      for (const { key } of rows) take.run("token", key as number);
    });
    inTransaction(() => {
      for (const { key } of rows) settle.run("null", key as number, "token");
    });
  }
  const elapsedMs = performance.now() - startedAt;
  db.close();
  return (jobs.length / elapsedMs) * 1_000;
}
