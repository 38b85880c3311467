import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * What an `ANALYZE` or a `PRAGMA optimize` of whoever shares the file has noted of the queue's tables. What was noted while they
 * had a few rows has SQLite read them whole when they have a million.
 */
export class Statistics {
  readonly #db: DatabaseSync;
  readonly #version: StatementSync;
  #lastVersion: unknown;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#version = db.prepare("PRAGMA schema_version");
  }

  /** For every now and then: a connection reads what was noted anew only when the schema has changed, as the first note does. */
  forget(): void {
    const version = this.#version.get()?.schema_version;
    if (version === this.#lastVersion) return;
    forgetStatistics(this.#db);
    this.#lastVersion = version;
  }
}

/** Takes it away, and has this connection plan without it. */
export function forgetStatistics(db: DatabaseSync): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").get() === undefined) return;
  // Another process may have taken it away already, and this connection have read it before.
  db.exec("DELETE FROM sqlite_stat1 WHERE tbl GLOB 'rapidai_*'; ANALYZE sqlite_schema");
}
