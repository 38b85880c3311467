import { JobError } from "../../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../../background/core/options.ts";
import { shown } from "../../background/core/text.ts";
import type { ThreadProgram } from "../../background/core/thread-program.ts";
import { unlessAborted } from "../../background/core/unless-aborted.ts";
import type { ChunkMetadata } from "../chunk.ts";
import { Pace } from "../pace.ts";
import { ThreadCalls } from "../thread-calls.ts";
import type { EmbeddedDocument, RetrievedChunk, VectorQuery, VectorStore } from "../vector-store.ts";
import { faultOf } from "./faults.ts";
import type { ChunkRows, VectorRequest } from "./request.ts";

/** Settings of {@link sqliteVectors}. */
export interface SqliteVectorsOptions {
  /** The file. It is created if it is not there; its folder must be. A queue's file will do. */
  readonly path: string;
  /**
   * Most bytes of vectors that are kept in memory, default 512 MiB: 250,000 chunks of the default embedder. What is beyond
   * them is read from the file for each question.
   */
  readonly cacheBytes?: number | undefined;
}

/**
 * Keeps documents in an SQLite file: they survive restarts, and several processes of one machine share them. A document
 * is stored by one transaction, so that nobody, and no crash, ever sees half of it.
 *
 * The file is read and written, and searched, on a thread of its own. It remembers which embedder its vectors are from,
 * and refuses another's.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const rag = new RAG({ store: sqliteVectors({ path: "knowledge.db" }) });
 * ```
 */
export function sqliteVectors(options: SqliteVectorsOptions): VectorStore {
  checkOptions(options, ["path", "cacheBytes"], "options of sqliteVectors()");
  const { path, cacheBytes = 512 << 20 } = options;
  if (typeof path !== "string" || path === "") {
    throw new JobError("invalid_option", `The path of sqliteVectors() is ${shown(path)}: give the path of a file.`);
  }
  return new SqliteVectors(path, wholeNumber(cacheBytes, 0, "cacheBytes of sqliteVectors()"));
}

/** Chunks that cross to the thread at once, and that share a page of vectors in the file. */
const ROWS = 256;

const PROGRAM: ThreadProgram = {
  what: "sqliteVectors()",
  name: "thread",
  module: import.meta.url,
  traced: `${import.meta.url}/../thread.js`,
};

class SqliteVectors implements VectorStore {
  readonly #path: string;
  readonly #thread: ThreadCalls<VectorRequest>;
  #uploads = 0;
  #isClosed = false;

  constructor(path: string, cacheBytes: number) {
    this.#path = path;
    this.#thread = new ThreadCalls({ program: PROGRAM, name: "rapidai-rag-sqlite", data: { path, cacheBytes } });
  }

  async put(document: EmbeddedDocument, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { source, space, chunks } = document;
    const upload = this.#uploads++;
    const pace = new Pace(signal);
    // Each is answered, but not waited for: they come in order.
    const sent: Promise<void>[] = [];
    try {
      for (let from = 0; from < chunks.length; from += ROWS) {
        const rows = rowsOf(document, from, Math.min(from + ROWS, chunks.length));
        const call = this.#call({ kind: "rows", upload, rows }, [rows.vectors.buffer as ArrayBuffer]);
        // It is heard of below, and may fail before that.
        call.catch(() => {});
        sent.push(call);
        await pace.rest();
      }
      await Promise.all(sent);
      signal?.throwIfAborted();
      const [parts, metadata] = [sent.length, JSON.stringify(document.metadata)];
      await this.#call({ kind: "put", upload, parts, source, metadata, space });
    } finally {
      await Promise.allSettled(sent);
      if (!this.#isClosed) await this.#call({ kind: "forget", upload }).catch(() => {});
    }
  }

  remove(source: string): Promise<boolean> {
    return this.#call({ kind: "remove", source });
  }

  async search({ vector, space, topK, signal }: VectorQuery): Promise<RetrievedChunk[]> {
    signal?.throwIfAborted();
    // The thread goes on: it may be waiting for the file, and others behind it.
    return unlessAborted(this.#call<RetrievedChunk[]>({ kind: "search", vector, space, topK }), signal);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#thread.isRunning) await this.#thread.call({ kind: "close" }).catch(() => {});
    await this.#thread.end(this.#closed());
  }

  async #call<T = void>(request: VectorRequest, transfer: readonly ArrayBuffer[] = []): Promise<T> {
    if (this.#isClosed) throw this.#closed();
    try {
      return await this.#thread.call<T>(request, transfer);
    } catch (error) {
      throw faultOf(error, this.#path);
    }
  }

  #closed(): JobError {
    return new JobError("vectors_unavailable", `The file of vectors ${this.#path} was closed.`);
  }
}

function rowsOf({ chunks, metadata: shared, space }: EmbeddedDocument, from: number, to: number): ChunkRows {
  const contents: string[] = [];
  const places: string[] = [];
  const vectors = new Float32Array((to - from) * space.dimensions);
  for (let index = from; index < to; index++) {
    const chunk = chunks[index];
    if (chunk === undefined) continue;
    contents.push(chunk.content);
    places.push(JSON.stringify(ownOf(chunk.metadata, shared)));
    vectors.set(chunk.embedding, (index - from) * space.dimensions);
  }
  return { contents, places, vectors };
}

/** What a chunk has of its own: what all of a document have is stored once. */
function ownOf(metadata: ChunkMetadata, shared: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const key of Object.keys(metadata)) if (metadata[key] !== shared[key]) own[key] = metadata[key];
  return own;
}
