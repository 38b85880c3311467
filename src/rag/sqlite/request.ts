import type { VectorSpace } from "../embedder.ts";
import type { CheckedFilter } from "../metadata-filter.ts";
import type { VectorQuery } from "../vector-store.ts";

/** Chunks as sent to the thread: strings and numbers, which are cheap to copy. */
export interface ChunkRows {
  readonly contents: readonly string[];
  /** Each chunk's own metadata, as JSON, without what all chunks of the document share. */
  readonly places: readonly string[];
  /** The vectors of all chunks, one after another. */
  readonly vectors: Float32Array;
}

/** A request to the thread that owns the file. */
export type VectorRequest =
  | { readonly kind: "check"; readonly source: string; readonly embedder: string }
  /** Part of a document's chunks, buffered until all have been sent. */
  | { readonly kind: "rows"; readonly upload: number; readonly rows: ChunkRows }
  /** All parts have been sent: store the document. */
  | {
      readonly kind: "put";
      readonly upload: number;
      /** How many parts were sent, to detect that the thread was replaced meanwhile. */
      readonly parts: number;
      readonly source: string;
      readonly metadata: string;
      readonly space: VectorSpace;
    }
  /** Drop the parts of this upload. */
  | { readonly kind: "forget"; readonly upload: number }
  | { readonly kind: "remove"; readonly source: string }
  | { readonly kind: "removeMatching"; readonly filter: CheckedFilter }
  | { readonly kind: "search"; readonly query: Omit<VectorQuery, "signal"> }
  | { readonly kind: "close" };
