import type { VectorSpace } from "../embedder.ts";

/** Chunks as they cross to the thread: texts and numbers, which are cheap to copy. */
export interface ChunkRows {
  readonly contents: readonly string[];
  /** Each chunk's own metadata, as JSON. */
  readonly places: readonly string[];
  /** Of all of them, one behind the other. */
  readonly vectors: Float32Array;
}

/** What the thread that has the file is asked. */
export type VectorRequest =
  /** Some of a document's chunks, kept until all are there. */
  | { readonly kind: "rows"; readonly upload: number; readonly rows: ChunkRows }
  /** They are all there: store them. */
  | {
      readonly kind: "put";
      readonly upload: number;
      /** How many times some were sent. */
      readonly parts: number;
      readonly source: string;
      readonly metadata: string;
      readonly space: VectorSpace;
    }
  /** They will not be needed. */
  | { readonly kind: "forget"; readonly upload: number }
  | { readonly kind: "remove"; readonly source: string }
  | { readonly kind: "search"; readonly vector: Float32Array; readonly space: VectorSpace; readonly topK: number }
  | { readonly kind: "close" };
