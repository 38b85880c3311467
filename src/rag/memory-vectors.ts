import type { Chunk } from "./chunk.ts";
import { type CheckedFilter, matcherOf } from "./metadata-filter.ts";
import { Nearest, queryOf, scan } from "./nearest.ts";
import { Pace } from "./pace.ts";
import {
  checkSpace,
  type EmbeddedDocument,
  type PartialSpace,
  type RetrievedChunk,
  type VectorQuery,
  type VectorStore,
} from "./vector-store.ts";

interface StoredDocument {
  readonly metadata: EmbeddedDocument["metadata"];
  readonly chunks: readonly Pick<Chunk, "content" | "metadata">[];
  /** The vectors of all chunks, one after another. */
  readonly vectors: Float32Array;
}

/** How many vectors are compared before the event loop may get a turn. */
const STEP = 1_024;

/**
 * Creates a store that keeps documents in this process's memory, with 4 bytes per dimension for each vector. The
 * default of `RAG`.
 *
 * @example
 * ```ts
 * const store = memoryVectors();
 * const rag = new RAG({ store });
 * ```
 */
export function memoryVectors(): VectorStore {
  return new MemoryVectors();
}

class MemoryVectors implements VectorStore {
  /** Documents are replaced, never modified, so that a search sees each in one state. */
  readonly #documents = new Map<string, StoredDocument>();
  #space: EmbeddedDocument["space"] | undefined;

  async check(source: string, embedder: string): Promise<void> {
    this.#check(source, { embedder });
  }

  async put(
    { source, space, metadata, chunks }: EmbeddedDocument,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ) {
    const pace = new Pace(signal);
    const vectors = new Float32Array(chunks.length * space.dimensions);
    // Copied, so that the caller may modify its own.
    const copies: StoredDocument["chunks"][number][] = [];
    for (const [row, { content, metadata, embedding }] of chunks.entries()) {
      vectors.set(embedding, row * space.dimensions);
      copies.push({ content, metadata });
      if (pace.isDue) await pace.rest();
    }
    signal?.throwIfAborted();
    this.#check(source, space);
    this.#space = space;
    // Deleted first, so that it moves to the end: of equal scores, the document stored first ranks first.
    this.#documents.delete(source);
    this.#documents.set(source, { metadata: { ...metadata }, chunks: copies, vectors });
  }

  async remove(source: string): Promise<boolean> {
    return this.#documents.delete(source);
  }

  async removeMatching(filter: CheckedFilter): Promise<number> {
    const matches = matcherOf(filter);
    const found = [...this.#documents].filter(([, { metadata }]) => matches(metadata));
    for (const [source] of found) this.#documents.delete(source);
    return found.length;
  }

  async search({ vector, space, topK, filter, signal }: VectorQuery): Promise<RetrievedChunk[]> {
    if (this.#space === undefined || this.#documents.size === 0) return [];
    checkSpace(this.#space, space, "memory");
    const pace = new Pace(signal);
    const query = queryOf(vector);
    const nearest = new Nearest<StoredDocument>(topK);
    const matches = filter && matcherOf(filter);
    for (const document of [...this.#documents.values()]) {
      const { metadata, chunks, vectors } = document;
      if (matches?.(metadata) === false) {
        if (pace.isDue) await pace.rest();
        continue;
      }
      for (let row = 0; row < chunks.length; row += STEP) {
        scan(vectors, row, Math.min(row + STEP, chunks.length), query, nearest, document);
        if (pace.isDue) await pace.rest();
      }
    }
    return nearest.found.map(({ score, of, row }) => ({
      ...(of.chunks[row] as StoredDocument["chunks"][number]),
      embedding: of.vectors.slice(row * vector.length, (row + 1) * vector.length),
      score,
    }));
  }

  async close(): Promise<void> {
    this.#documents.clear();
  }

  #check(source: string, space: PartialSpace): void {
    const others = this.#documents.size - (this.#documents.has(source) ? 1 : 0);
    if (this.#space !== undefined && others > 0) checkSpace(this.#space, space, "memory");
  }
}
