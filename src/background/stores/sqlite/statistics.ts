import type { DatabaseSync } from "node:sqlite";

/**
 * Takes away what an `ANALYZE` or a `PRAGMA optimize` of whoever shares the file has noted of the queue's tables, and has this
 * connection plan without it. What was noted while they had a few rows has SQLite read them whole when they have a million.
 */
export function forgetStatistics(db: DatabaseSync): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").get() === undefined) return;
  // Another process may have taken it away already, and this connection have read it before.
  db.exec("DELETE FROM sqlite_stat1 WHERE tbl GLOB 'rapidai_*'; ANALYZE sqlite_schema");
}
