import { statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { JobError } from "../../background/core/errors.ts";
import type { ChunkMetadata } from "../chunk.ts";
import { MAX_DIMENSIONS, type VectorSpace } from "../embedder.ts";
import { Nearest, queryOf, scan } from "../nearest.ts";
import { checkSpace, type RetrievedChunk } from "../vector-store.ts";
import { damaged } from "./faults.ts";
import type { ChunkRows } from "./request.ts";
import { create, isCreated, keyOf, MAX_CHUNKS } from "./schema.ts";

/** How long a locked file is waited for, in milliseconds; on a thread of our own nobody else waits with us. */
const PATIENCE_MS = 5_000;
/** What the log beside the file is cut back to once it was longer, in bytes. */
const JOURNAL_BYTES = 16 << 20;

/** Vectors as they stand in the file, some hundred chunks at a time. */
interface Page {
  readonly first: number;
  readonly vectors: Float32Array;
}

/** Documents with their vectors in one SQLite file. Every call does all of its work before it returns. */
export class VectorFile {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #cacheBytes: number;
  readonly #statements = new Map<string, StatementSync>();
  /** The documents there are, as of `#version`; those whose pages did not fit into the cache have none. */
  readonly #documents = new Map<number, readonly Page[] | null>();
  #cachedBytes = 0;
  /** Changes when another connection has written. */
  #version: unknown;
  #isStale = true;

  /** @param cacheBytes most bytes of vectors that are kept in memory; what is beyond them is read for each search */
  constructor(path: string, cacheBytes: number) {
    this.#path = path;
    this.#cacheBytes = cacheBytes;
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new JobError("vectors_unavailable", `${path} is a folder: give the vectors the path of a file.`);
    }
    this.#db = new DatabaseSync(path, { timeout: PATIENCE_MS });
    try {
      // Functions in a stranger's schema are not to be called.
      this.#db.exec("PRAGMA trusted_schema = OFF");
      // Read before anything is written: a file that is not ours stays as it is.
      const isReady = isCreated(this.#db, path);
      this.#db.exec("PRAGMA journal_mode = WAL");
      this.#db.exec("PRAGMA synchronous = FULL");
      // Nobody is to wait for it: see tidy().
      this.#db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${JOURNAL_BYTES}`);
      if (!isReady) this.#transaction("IMMEDIATE", () => create(this.#db, path));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  put(source: string, metadata: string, space: VectorSpace, parts: readonly ChunkRows[]): void {
    const chunks = parts.reduce((sum, { contents }) => sum + contents.length, 0);
    if (chunks > MAX_CHUNKS)
      throw new JobError("invalid_option", `The document ${source} has more than ${MAX_CHUNKS} chunks.`);
    const pages: Page[] = [];
    const document = this.#transaction("IMMEDIATE", () => {
      this.#removeNow(source);
      const kept = this.#space();
      if (kept !== null && this.#first("SELECT 1 FROM rapidai_rag_documents LIMIT 1") !== undefined) {
        checkSpace(kept, space, this.#path);
      }
      this.#run("UPDATE rapidai_rag SET embedder = ?, dimensions = ?", space.embedder, space.dimensions);
      const { lastInsertRowid } = this.#run(
        "INSERT INTO rapidai_rag_documents (source, metadata, chunks) VALUES (?, ?, ?)",
        source,
        metadata,
        chunks,
      );
      const document = Number(lastInsertRowid);
      const insert = this.#statement("INSERT INTO rapidai_rag_chunks (key, content, place) VALUES (?, ?, ?)");
      let position = 0;
      for (const { contents, places, vectors } of parts) {
        pages.push({ first: position, vectors });
        const bytes = new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
        this.#run("INSERT INTO rapidai_rag_vectors (key, vectors) VALUES (?, ?)", keyOf(document, position), bytes);
        for (const [index, content] of contents.entries()) {
          insert.run(keyOf(document, position++), content, places[index] ?? "{}");
        }
      }
      return document;
    });
    this.#keep(document, pages);
    this.#isStale = true;
  }

  remove(source: string): boolean {
    const isRemoved = this.#transaction("IMMEDIATE", () => this.#removeNow(source));
    this.#isStale = true;
    return isRemoved;
  }

  search(vector: Float32Array, space: VectorSpace, topK: number): RetrievedChunk[] {
    // One state of the file, from the list of documents to the text of what was found.
    return this.#transaction("DEFERRED", () => {
      const kept = this.#space();
      this.#refresh();
      if (kept === null || this.#documents.size === 0) return [];
      checkSpace(kept, space, this.#path);
      const query = queryOf(vector);
      const nearest = new Nearest<readonly [document: number, page: Page]>(topK);
      for (const document of this.#documents.keys()) {
        for (const page of this.#pagesOf(document, kept.dimensions)) {
          scan(page.vectors, 0, page.vectors.length / kept.dimensions, query, nearest, [document, page] as const);
        }
      }
      return nearest.found.map(({ score, of: [document, page], row }) => ({
        ...this.#chunk(document, page.first + row),
        embedding: page.vectors.slice(row * kept.dimensions, (row + 1) * kept.dimensions),
        score,
      }));
    });
  }

  /** Brings what was written from the log into the file: work that can wait until an answer is given. */
  tidy(): void {
    // Passive: whatever others still read stays in the log until the next time.
    this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  close(): void {
    this.#db.close();
  }

  #removeNow(source: string): boolean {
    const id = this.#first("SELECT id FROM rapidai_rag_documents WHERE source = ?", source)?.id;
    if (id === undefined) return false;
    const keys = [keyOf(Number(id), 0), keyOf(Number(id) + 1, 0)] as const;
    this.#run("DELETE FROM rapidai_rag_chunks WHERE key >= ? AND key < ?", ...keys);
    this.#run("DELETE FROM rapidai_rag_vectors WHERE key >= ? AND key < ?", ...keys);
    this.#run("DELETE FROM rapidai_rag_documents WHERE id = ?", Number(id));
    return true;
  }

  /** What the vectors were made by; `null` when there never were any. */
  #space(): VectorSpace | null {
    const { embedder, dimensions } = this.#first("SELECT embedder, dimensions FROM rapidai_rag") ?? {};
    if (typeof embedder !== "string") return null;
    const length = Number(dimensions);
    if (!(Number.isInteger(length) && length >= 1 && length <= MAX_DIMENSIONS)) {
      throw damaged(this.#path, "its vectors have no length that vectors have");
    }
    return { embedder, dimensions: length };
  }

  /** Learns which documents there are, when this or another connection has changed that. */
  #refresh(): void {
    const version = this.#first("PRAGMA data_version")?.data_version;
    if (!this.#isStale && version === this.#version) return;
    const rows = this.#statement("SELECT id FROM rapidai_rag_documents ORDER BY id").all();
    const ids = new Set(rows.map(({ id }) => Number(id)));
    for (const [id, pages] of this.#documents) {
      if (ids.has(id)) continue;
      this.#documents.delete(id);
      for (const { vectors } of pages ?? []) this.#cachedBytes -= vectors.byteLength;
    }
    for (const id of ids) if (!this.#documents.has(id)) this.#documents.set(id, null);
    this.#version = version;
    this.#isStale = false;
  }

  *#pagesOf(document: number, dimensions: number): Iterable<Page> {
    const cached = this.#documents.get(document);
    if (cached) {
      yield* cached;
      return;
    }
    const pages: Page[] = [];
    let room = this.#cacheBytes - this.#cachedBytes;
    const rows = this.#statement(
      "SELECT key, vectors FROM rapidai_rag_vectors WHERE key >= ? AND key < ? ORDER BY key",
    ).iterate(keyOf(document, 0), keyOf(document + 1, 0));
    for (const { key, vectors: blob } of rows) {
      if (!(blob instanceof Uint8Array) || blob.length % (dimensions * Float32Array.BYTES_PER_ELEMENT) !== 0) {
        throw damaged(this.#path, "it has vectors of another length than it says");
      }
      // As this machine has its numbers, which is least significant byte first on all that Node.js is built for but one.
      const aligned = blob.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0 ? blob : blob.slice();
      const vectors = new Float32Array(
        aligned.buffer,
        aligned.byteOffset,
        blob.length / Float32Array.BYTES_PER_ELEMENT,
      );
      const page = { first: Number(key) - keyOf(document, 0), vectors };
      room -= blob.length;
      // What will not be kept need not be gathered.
      if (room >= 0) pages.push(page);
      yield page;
    }
    if (room >= 0) this.#keep(document, pages);
  }

  /** Keeps a document's vectors in memory, if there is room. */
  #keep(document: number, pages: readonly Page[]): void {
    const bytes = pages.reduce((sum, { vectors }) => sum + vectors.byteLength, 0);
    const isFitting = this.#cachedBytes + bytes <= this.#cacheBytes;
    this.#documents.set(document, isFitting ? pages : null);
    if (isFitting) this.#cachedBytes += bytes;
  }

  #chunk(document: number, position: number): { content: string; metadata: ChunkMetadata } {
    // As JSON: many versions of node:sqlite end a text at the first NUL in it.
    const chunk = this.#first(
      "SELECT json_quote(content) AS content, place FROM rapidai_rag_chunks WHERE key = ?",
      keyOf(document, position),
    );
    const kept = this.#first("SELECT metadata FROM rapidai_rag_documents WHERE id = ?", document);
    if (typeof chunk?.content !== "string") throw damaged(this.#path, "it lacks the text of a vector");
    return {
      content: JSON.parse(chunk.content),
      metadata: { ...this.#parsed(kept?.metadata), ...this.#parsed(chunk.place) } as ChunkMetadata,
    };
  }

  #parsed(json: unknown): object {
    try {
      const value: unknown = JSON.parse(String(json));
      if (typeof value === "object" && value !== null) return value;
    } catch {
      // Said below.
    }
    throw damaged(this.#path, "it has metadata that is no JSON");
  }

  #transaction<T>(kind: "IMMEDIATE" | "DEFERRED", run: () => T): T {
    this.#db.exec(`BEGIN ${kind}`);
    try {
      const result = run();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      // Some faults, a full disk among them, have ended the transaction already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #first(sql: string, ...values: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).run(...values);
  }
}
