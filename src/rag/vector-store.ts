import { PermanentError } from "../background/core/endings.ts";
import { JobError } from "../background/core/errors.ts";
import type { Chunk } from "./chunk.ts";
import type { VectorSpace } from "./embedder.ts";
import type { CheckedFilter } from "./metadata-filter.ts";

/** A document that is ready to be stored. */
export interface EmbeddedDocument {
  /** The document's identity: storing another document with the same source replaces it. */
  readonly source: string;
  readonly space: VectorSpace;
  /** The metadata that all chunks share. Each chunk's own metadata contains it too. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** In order. Their embeddings have length 1. */
  readonly chunks: readonly Chunk[];
}

/** A search for the nearest chunks. */
export interface VectorQuery {
  /** The question's vector, of length 1. */
  readonly vector: Float32Array;
  readonly space: VectorSpace;
  /** Maximum number of chunks. */
  readonly topK: number;
  /** Restricts the search to documents whose metadata has, for each name, one of the values. */
  readonly filter?: CheckedFilter | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A chunk found by a search. */
export interface RetrievedChunk extends Chunk {
  /** Cosine similarity to the question, from -1 to 1: 1 for the same direction, 0 for nothing in common. */
  readonly score: number;
}

/** Stores documents, and finds their chunks by vector. */
export interface VectorStore {
  /**
   * Optional. Rejects if `put` would refuse a document with this source and vectors of this embedder. It is called before
   * the document is embedded, because that may cost money.
   */
  check?(source: string, embedder: string): Promise<void>;
  /** Stores a document, atomically replacing the one with the same source. */
  put(document: EmbeddedDocument, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Removes a document. Resolves to whether there was one. */
  remove(source: string): Promise<boolean>;
  /** Finds the chunks with the nearest vectors, best first: `topK` of them, if as many match. */
  search(query: VectorQuery): Promise<RetrievedChunk[]>;
  /**
   * Removes all documents whose metadata matches, atomically. Resolves to their number. A store that has this method also
   * applies the filter of a query; a store without it is never given a filter.
   */
  removeMatching?(filter: CheckedFilter): Promise<number>;
  /** Releases resources. Further calls have no effect. */
  close(): Promise<void>;
}

/** The number of dimensions is unknown until an embedder has returned vectors. */
export type PartialSpace = Pick<VectorSpace, "embedder"> & Partial<VectorSpace>;

/**
 * Checks that vectors can be compared with the stored ones.
 *
 * @throws JobError `embedder_mismatch`, permanent
 */
export function checkSpace(stored: VectorSpace, given: PartialSpace, what: string): void {
  const { dimensions: size = stored.dimensions } = given;
  if (stored.embedder === given.embedder && stored.dimensions === size) return;
  const said = ({ embedder, dimensions }: PartialSpace): string =>
    `'${embedder}'${dimensions === undefined ? "" : ` (${dimensions} numbers each)`}`;
  throw new JobError(
    "embedder_mismatch",
    `The vectors in ${what} come from ${said(stored)}, but this RAG embeds with ${said(given)}: use that embedder, or use another store and add the documents again.`,
    { cause: new PermanentError("the same embedder would not fit again") },
  );
}
