import type { DatabaseSync } from "node:sqlite";
import { JobError } from "../../background/core/errors.ts";

/** The version of the schema below. */
const VERSION = 1;

/**
 * The file may contain other tables, such as a queue's, so that ours have the prefix `rapidai_rag_`. A document's id is
 * never reused and its rows never change, so that cached vectors stay valid. The keys of chunks and of pages of vectors
 * combine the document's id and the position of the (first) chunk, see {@link keyOf}.
 */
const TABLES = `
  CREATE TABLE rapidai_rag (version INTEGER NOT NULL, embedder TEXT, dimensions INTEGER) STRICT;
  INSERT INTO rapidai_rag (version) VALUES (${VERSION});
  CREATE TABLE rapidai_rag_documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL UNIQUE,
    metadata TEXT NOT NULL,
    chunks INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE rapidai_rag_chunks (key INTEGER PRIMARY KEY, content TEXT NOT NULL, place TEXT NOT NULL) STRICT;
  CREATE TABLE rapidai_rag_vectors (key INTEGER PRIMARY KEY, vectors BLOB NOT NULL) STRICT;
`;

/** Most chunks of one document. */
export const MAX_CHUNKS: number = 2 ** 20;

export function keyOf(document: number, position: number): number {
  return document * MAX_CHUNKS + position;
}

/** Creates the tables unless they exist. Call it within a transaction. */
export function create(db: DatabaseSync, path: string): void {
  if (!isCreated(db, path)) db.exec(TABLES);
}

/**
 * Whether the tables exist. Does not write to the file.
 *
 * @throws JobError `vectors_unavailable` if another release created them
 */
export function isCreated(db: DatabaseSync, path: string): boolean {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'rapidai_rag'").get();
  if (table === undefined) return false;
  const version = Number(db.prepare("SELECT max(version) AS version FROM rapidai_rag").get()?.version ?? 0);
  if (version === VERSION) return true;
  throw new JobError(
    "vectors_unavailable",
    `The vector file ${path} was written by another release of rapidai (version ${version}; this release knows ${VERSION}): use that release, or another file.`,
  );
}
