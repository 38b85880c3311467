import { PermanentError } from "../background/core/endings.ts";
import { JobError } from "../background/core/errors.ts";
import type { Chunk } from "./chunk.ts";
import type { VectorSpace } from "./embedder.ts";

/** A document that is ready to be found. */
export interface EmbeddedDocument {
  /** What it goes by: storing another of the same source replaces this one. */
  readonly source: string;
  readonly space: VectorSpace;
  /** Of each chunk of it; also in the chunks' own metadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** In order; their embeddings have length 1. */
  readonly chunks: readonly Chunk[];
}

/** A question to a store. */
export interface VectorQuery {
  /** Of length 1. */
  readonly vector: Float32Array;
  readonly space: VectorSpace;
  readonly topK: number;
  readonly signal?: AbortSignal | undefined;
}

/** A chunk that was found. */
export interface RetrievedChunk extends Chunk {
  /** The cosine of its embedding and the question's: 1 for the same direction, 0 for nothing in common. */
  readonly score: number;
}

/** Where documents are kept, and found by their vectors. */
export interface VectorStore {
  /** Makes all chunks of a document visible at once, in place of those that its source had. */
  put(document: EmbeddedDocument, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Whether there was a document of this source. */
  remove(source: string): Promise<boolean>;
  /** The chunks whose vectors are nearest, best first. */
  search(query: VectorQuery): Promise<RetrievedChunk[]>;
  /** Gives up what is held; a second time does nothing. */
  close(): Promise<void>;
}

/**
 * Vectors of different embedders say nothing about one another.
 *
 * @throws JobError `embedder_mismatch`, which no retry can help
 */
export function checkSpace(kept: VectorSpace, given: VectorSpace, what: string): void {
  if (kept.embedder === given.embedder && kept.dimensions === given.dimensions) return;
  const said = ({ embedder, dimensions }: VectorSpace): string => `'${embedder}' (${dimensions} numbers each)`;
  throw new JobError(
    "embedder_mismatch",
    `The vectors in ${what} were made by ${said(kept)}, and this RAG embeds with ${said(given)}: use that embedder, or another store, and add the documents again.`,
    { cause: new PermanentError("the same embedder would not fit again") },
  );
}
