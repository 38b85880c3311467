import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * Statistics on the queue's tables from an `ANALYZE` or `PRAGMA optimize` of another program that shares the file. Taken
 * while the tables had a few rows, they make SQLite scan the tables when they have a million.
 */
export class Statistics {
  readonly #db: DatabaseSync;
  readonly #version: StatementSync;
  #lastVersion: unknown;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#version = db.prepare("PRAGMA schema_version");
  }

  /** To be called now and then. A connection reloads statistics only after a schema change, as by the first ANALYZE. */
  forget(): void {
    const version = this.#version.get()?.schema_version;
    if (version === this.#lastVersion) return;
    forgetStatistics(this.#db);
    this.#lastVersion = version;
  }
}

/** Deletes the statistics on the queue's tables, and makes this connection plan without them. */
export function forgetStatistics(db: DatabaseSync): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").get() === undefined) return;
  // Reloads even if another process has deleted them, as this connection may have loaded them before.
  db.exec("DELETE FROM sqlite_stat1 WHERE tbl GLOB 'rapidai_*'; ANALYZE sqlite_schema");
}
