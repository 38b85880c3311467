import { statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { JobError } from "../../background/core/errors.ts";
import type { ChunkMetadata } from "../chunk.ts";
import { MAX_DIMENSIONS, type VectorSpace } from "../embedder.ts";
import { type CheckedFilter, matcherOf } from "../metadata-filter.ts";
import { Nearest, queryOf, scan } from "../nearest.ts";
import { checkSpace, type PartialSpace, type RetrievedChunk, type VectorQuery } from "../vector-store.ts";
import { damaged } from "./faults.ts";
import type { ChunkRows } from "./request.ts";
import { create, isCreated, keyOf, MAX_CHUNKS } from "./schema.ts";

/** How long to wait for a locked file. This blocks only the file's own thread. */
const BUSY_TIMEOUT_MS = 5_000;
/** The size to which a longer write-ahead log is truncated, in bytes. */
const WAL_SIZE_LIMIT = 16 << 20;
/** How many documents are added, at most, before those that are no longer in the file are dropped from the cache. */
const MAX_ADDED = 250;
/** The approximate memory for a document's metadata, beside two bytes per character of its JSON. */
const METADATA_BYTES = 256;

type Metadata = Readonly<Record<string, unknown>>;

/** A row of the vector table: the vectors of up to some hundred consecutive chunks, the first at position `first`. */
interface Page {
  readonly first: number;
  readonly vectors: Float32Array;
}

/** Stores documents and their vectors in an SQLite file, synchronously. */
export class VectorFile {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #cacheBytes: number;
  readonly #statements = new Map<string, StatementSync>();
  /** The documents as of `#version`, with their cached pages; `null` for those not cached. */
  readonly #documents = new Map<number, readonly Page[] | null>();
  /** The cached metadata of documents, which counts against the same limit as pages. */
  readonly #metadata = new Map<number, { readonly value: Metadata; readonly bytes: number }>();
  #cachedBytes = 0;
  /** Documents added since the last refresh. */
  #added = 0;
  /** SQLite's `data_version`, which changes when another connection has written. */
  #version: unknown;
  #isStale = true;

  /** @param cacheBytes most bytes of vectors to cache in memory; the others are read for each search */
  constructor(path: string, cacheBytes: number) {
    this.#path = path;
    this.#cacheBytes = cacheBytes;
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new JobError(
        "vectors_unavailable",
        `The path of sqliteVectors() is a folder, ${path}: use the path of a file.`,
      );
    }
    this.#db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      // The schema of an untrusted file must not call functions with side effects.
      this.#db.exec("PRAGMA trusted_schema = OFF");
      // Checked before anything is written, so that a file of another kind is left unchanged.
      const isReady = isCreated(this.#db, path);
      this.#db.exec("PRAGMA journal_mode = WAL");
      this.#db.exec("PRAGMA synchronous = FULL");
      // An automatic checkpoint would delay a call's answer: see checkpoint().
      this.#db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${WAL_SIZE_LIMIT}`);
      if (!isReady) this.#transaction("IMMEDIATE", () => create(this.#db, path));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  check(source: string, embedder: string): void {
    this.#transaction("DEFERRED", () => this.#check(source, { embedder }));
  }

  put(source: string, metadata: string, space: VectorSpace, parts: readonly ChunkRows[]): void {
    const chunks = parts.reduce((sum, { contents }) => sum + contents.length, 0);
    if (chunks > MAX_CHUNKS)
      throw new JobError("invalid_option", `The document ${source} has more than ${MAX_CHUNKS} chunks.`);
    // A process that only adds documents never searches, and would keep what was replaced or removed since.
    if (this.#added >= MAX_ADDED) this.#refresh();
    const pages: Page[] = [];
    const document = this.#transaction("IMMEDIATE", () => {
      this.#check(source, space);
      this.#removeRows(source);
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
    this.#cache(document, pages);
    this.#added++;
    this.#isStale = true;
  }

  remove(source: string): boolean {
    const isRemoved = this.#transaction("IMMEDIATE", () => this.#removeRows(source));
    this.#isStale = true;
    return isRemoved;
  }

  removeMatching(filter: CheckedFilter): number {
    const count = this.#transaction("IMMEDIATE", () => {
      this.#refresh();
      const matching = this.#documentsMatching(filter);
      for (const document of matching) this.#removeDocument(document);
      return matching.length;
    });
    this.#isStale = true;
    return count;
  }

  search({ vector, space, topK, filter }: Omit<VectorQuery, "signal">): RetrievedChunk[] {
    // In one transaction, so that documents, vectors and texts are of the same state of the file.
    return this.#transaction("DEFERRED", () => {
      const stored = this.#space();
      this.#refresh();
      if (stored === null || this.#documents.size === 0) return [];
      checkSpace(stored, space, this.#path);
      const { dimensions } = stored;
      const query = queryOf(vector);
      const nearest = new Nearest<readonly [document: number, page: Page]>(topK);
      for (const document of this.#documentsMatching(filter)) {
        for (const page of this.#pagesOf(document, dimensions)) {
          scan(page.vectors, 0, page.vectors.length / dimensions, query, nearest, [document, page] as const);
        }
      }
      return nearest.found.map(({ score, of: [document, page], row }) => ({
        ...this.#chunk(document, page.first + row),
        embedding: page.vectors.slice(row * dimensions, (row + 1) * dimensions),
        score,
      }));
    });
  }

  /** Moves writes from the write-ahead log to the database file, which can wait until a call has been answered. */
  checkpoint(): void {
    // PASSIVE does not wait for readers: what they still need stays in the log until the next time.
    this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  close(): void {
    this.#db.close();
  }

  #removeRows(source: string): boolean {
    const id = this.#first("SELECT id FROM rapidai_rag_documents WHERE source = ?", source)?.id;
    if (id === undefined) return false;
    this.#removeDocument(Number(id));
    return true;
  }

  #removeDocument(document: number): void {
    const keys = [keyOf(document, 0), keyOf(document + 1, 0)] as const;
    this.#run("DELETE FROM rapidai_rag_chunks WHERE key >= ? AND key < ?", ...keys);
    this.#run("DELETE FROM rapidai_rag_vectors WHERE key >= ? AND key < ?", ...keys);
    this.#run("DELETE FROM rapidai_rag_documents WHERE id = ?", document);
  }

  /** As of the last refresh. */
  #documentsMatching(filter: CheckedFilter | undefined): readonly number[] {
    const documents = [...this.#documents.keys()];
    if (filter === undefined) return documents;
    const matches = matcherOf(filter);
    return documents.filter((document) => matches(this.#metadataOf(document)));
  }

  #check(source: string, space: PartialSpace): void {
    const stored = this.#space();
    const others = "SELECT 1 FROM rapidai_rag_documents WHERE source <> ? LIMIT 1";
    if (stored !== null && this.#first(others, source) !== undefined) checkSpace(stored, space, this.#path);
  }

  /** The space of the stored vectors; `null` if there have never been any. */
  #space(): VectorSpace | null {
    const { embedder, dimensions } = this.#first("SELECT embedder, dimensions FROM rapidai_rag") ?? {};
    if (typeof embedder !== "string") return null;
    const length = Number(dimensions);
    if (!(Number.isInteger(length) && length >= 1 && length <= MAX_DIMENSIONS)) {
      throw damaged(this.#path, "the length of its vectors is invalid");
    }
    return { embedder, dimensions: length };
  }

  /** Updates the list of documents if this or another connection has changed it. */
  #refresh(): void {
    const version = this.#first("PRAGMA data_version")?.data_version;
    if (!this.#isStale && version === this.#version) return;
    const rows = this.#statement("SELECT id FROM rapidai_rag_documents ORDER BY id").all();
    const ids = new Set(rows.map(({ id }) => Number(id)));
    for (const [id, pages] of this.#documents) {
      if (ids.has(id)) continue;
      this.#documents.delete(id);
      for (const { vectors } of pages ?? []) this.#cachedBytes -= vectors.byteLength;
      this.#cachedBytes -= this.#metadata.get(id)?.bytes ?? 0;
      this.#metadata.delete(id);
    }
    for (const id of ids) if (!this.#documents.has(id)) this.#documents.set(id, null);
    this.#version = version;
    this.#isStale = false;
    this.#added = 0;
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
        throw damaged(this.#path, "the length of its vectors is not the stated one");
      }
      // In this machine's byte order, which is little-endian on every platform of Node.js but one.
      const aligned = blob.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0 ? blob : blob.slice();
      const vectors = new Float32Array(
        aligned.buffer,
        aligned.byteOffset,
        blob.length / Float32Array.BYTES_PER_ELEMENT,
      );
      const page = { first: Number(key) - keyOf(document, 0), vectors };
      room -= blob.length;
      // Once the document does not fit into the cache, its pages need not be collected.
      if (room >= 0) pages.push(page);
      yield page;
    }
    if (room >= 0) this.#cache(document, pages);
  }

  /** Caches a document's vectors, if there is room. */
  #cache(document: number, pages: readonly Page[]): void {
    const bytes = pages.reduce((sum, { vectors }) => sum + vectors.byteLength, 0);
    const isFitting = this.#cachedBytes + bytes <= this.#cacheBytes;
    this.#documents.set(document, isFitting ? pages : null);
    if (isFitting) this.#cachedBytes += bytes;
  }

  #chunk(document: number, position: number): { content: string; metadata: ChunkMetadata } {
    // Quoted as JSON because many versions of node:sqlite truncate a text at its first NUL.
    const chunk = this.#first(
      "SELECT json_quote(content) AS content, place FROM rapidai_rag_chunks WHERE key = ?",
      keyOf(document, position),
    );
    if (typeof chunk?.content !== "string") throw damaged(this.#path, "the text of a vector is missing");
    return {
      content: JSON.parse(chunk.content),
      metadata: { ...this.#metadataOf(document), ...this.#parse(chunk.place) } as ChunkMetadata,
    };
  }

  #metadataOf(document: number): Metadata {
    const cached = this.#metadata.get(document);
    if (cached !== undefined) return cached.value;
    const stored = this.#first("SELECT metadata FROM rapidai_rag_documents WHERE id = ?", document);
    const json = String(stored?.metadata);
    const value = this.#parse(json);
    const bytes = METADATA_BYTES + 2 * json.length;
    if (this.#cachedBytes + bytes <= this.#cacheBytes) {
      this.#metadata.set(document, { value, bytes });
      this.#cachedBytes += bytes;
    }
    return value;
  }

  #parse(json: unknown): Metadata {
    try {
      const value: unknown = JSON.parse(String(json));
      if (typeof value === "object" && value !== null) return value as Metadata;
    } catch {
      // Reported below.
    }
    throw damaged(this.#path, "its metadata is not valid JSON");
  }

  #transaction<T>(kind: "IMMEDIATE" | "DEFERRED", run: () => T): T {
    this.#db.exec(`BEGIN ${kind}`);
    try {
      const result = run();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      // Some errors, such as a full disk, roll back the transaction by themselves.
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
