import { JobError } from "../../background/core/errors.ts";
import { checkOptions, filePath, wholeNumber } from "../../background/core/options.ts";
import type { ThreadProgram } from "../../background/core/thread-program.ts";
import { unlessAborted } from "../../background/core/unless-aborted.ts";
import type { ChunkMetadata } from "../chunk.ts";
import type { CheckedFilter } from "../metadata-filter.ts";
import { Pace } from "../pace.ts";
import { ThreadCalls } from "../thread-calls.ts";
import type { EmbeddedDocument, RetrievedChunk, VectorQuery, VectorStore } from "../vector-store.ts";
import { faultOf } from "./faults.ts";
import type { ChunkRows, VectorRequest } from "./request.ts";

/** Options of {@link sqliteVectors}. */
export interface SqliteVectorsOptions {
  /** Path of the file. It is created if it does not exist; its folder has to exist. It may be the file of a queue. */
  readonly path: string;
  /**
   * Most bytes of vectors, and of metadata needed for filters, to cache in memory; the others are read from the file for
   * each query. Default: 512 MiB, enough for 250,000 chunks of the default embedder.
   */
  readonly cacheBytes?: number | undefined;
}

/**
 * Creates a store that keeps documents in an SQLite file. They survive restarts and can be shared by several processes
 * of one machine. A document is stored in one transaction, so that a partial one is never visible, even after a crash.
 *
 * The file is accessed and searched on a separate thread. It records the embedder of its vectors, and refuses those of
 * another one.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const rag = new RAG({ store: sqliteVectors({ path: "knowledge.db" }) });
 * ```
 */
export function sqliteVectors(options: SqliteVectorsOptions): VectorStore {
  checkOptions(options, ["path", "cacheBytes"], "options of sqliteVectors()");
  const { cacheBytes = 512 << 20 } = options;
  const path = filePath(options.path, "path of sqliteVectors()");
  return new SqliteVectors(path, wholeNumber(cacheBytes, 0, "cacheBytes of sqliteVectors()"));
}

/** How many chunks are sent to the thread at once, and share a page of vectors in the file. */
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

  check(source: string, embedder: string): Promise<void> {
    return this.#call({ kind: "check", source, embedder });
  }

  async put(document: EmbeddedDocument, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { source, space, chunks } = document;
    const upload = this.#uploads++;
    const pace = new Pace(signal);
    // Sent without waiting for the answers: the thread handles requests in order.
    const sent: Promise<void>[] = [];
    try {
      for (let from = 0; from < chunks.length; from += ROWS) {
        const rows = rowsOf(document, from, Math.min(from + ROWS, chunks.length));
        const call = this.#call({ kind: "rows", upload, rows }, [rows.vectors.buffer as ArrayBuffer]);
        // Awaited below; until then its rejection must not be unhandled.
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

  removeMatching(filter: CheckedFilter): Promise<number> {
    return this.#call({ kind: "removeMatching", filter });
  }

  async search({ signal, ...query }: VectorQuery): Promise<RetrievedChunk[]> {
    signal?.throwIfAborted();
    // On abort, only the caller stops waiting: terminating the thread would fail the calls of others.
    return unlessAborted(this.#call<RetrievedChunk[]>({ kind: "search", query }), signal);
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
    return new JobError("vectors_unavailable", `The vector file ${this.#path} was closed.`);
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

/** The metadata that a chunk does not share with the others of its document, which is stored once. */
function ownOf(metadata: ChunkMetadata, shared: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const key of Object.keys(metadata)) if (metadata[key] !== shared[key]) own[key] = metadata[key];
  return own;
}
