import type { Chunk } from "./chunk.ts";
import { Nearest, queryOf, scan } from "./nearest.ts";
import { Pace } from "./pace.ts";
import {
  checkSpace,
  type EmbeddedDocument,
  type RetrievedChunk,
  type VectorQuery,
  type VectorStore,
} from "./vector-store.ts";

interface Kept {
  readonly chunks: readonly Pick<Chunk, "content" | "metadata">[];
  /** Of all chunks, one behind the other. */
  readonly vectors: Float32Array;
}

/** Rows that are compared between two looks at the clock. */
const STEP = 1_024;

/**
 * Keeps documents in this process's memory, 4 bytes for each number of a vector: the default of {@link RAG}.
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
  /** What is kept is never changed, only replaced: whoever goes through it sees one state. */
  readonly #documents = new Map<string, Kept>();
  #space: EmbeddedDocument["space"] | undefined;

  async put(
    { source, space, chunks }: EmbeddedDocument,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ) {
    const pace = new Pace(signal);
    const vectors = new Float32Array(chunks.length * space.dimensions);
    // A copy: what the caller does with its own is its affair.
    const copies: Kept["chunks"][number][] = [];
    for (const [row, { content, metadata, embedding }] of chunks.entries()) {
      vectors.set(embedding, row * space.dimensions);
      copies.push({ content, metadata });
      if (pace.isDue) await pace.rest();
    }
    signal?.throwIfAborted();
    const others = this.#documents.size - (this.#documents.has(source) ? 1 : 0);
    if (this.#space !== undefined && others > 0) checkSpace(this.#space, space, "memory");
    this.#space = space;
    // Anew, at the end: of equal scores the one that was stored first comes first.
    this.#documents.delete(source);
    this.#documents.set(source, { chunks: copies, vectors });
  }

  async remove(source: string): Promise<boolean> {
    return this.#documents.delete(source);
  }

  async search({ vector, space, topK, signal }: VectorQuery): Promise<RetrievedChunk[]> {
    if (this.#space === undefined || this.#documents.size === 0) return [];
    checkSpace(this.#space, space, "memory");
    const pace = new Pace(signal);
    const query = queryOf(vector);
    const nearest = new Nearest<Kept>(topK);
    for (const kept of [...this.#documents.values()]) {
      for (let row = 0; row < kept.chunks.length; row += STEP) {
        scan(kept.vectors, row, Math.min(row + STEP, kept.chunks.length), query, nearest, kept);
        if (pace.isDue) await pace.rest();
      }
    }
    return nearest.found.map(({ score, of, row }) => ({
      ...(of.chunks[row] as Kept["chunks"][number]),
      embedding: of.vectors.slice(row * vector.length, (row + 1) * vector.length),
      score,
    }));
  }

  async close(): Promise<void> {
    this.#documents.clear();
  }
}
