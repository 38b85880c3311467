import type { DocumentKind } from "./kind.ts";

/** Where a chunk is from; what was given with the document stands beside it. */
export interface ChunkMetadata {
  /** The document: its path, or the name it was given. */
  readonly source: string;
  readonly type: DocumentKind;
  /** What the document calls itself, if it does. */
  readonly title?: string;
  /** Its place among the chunks of the document, from 0. */
  readonly index: number;
  /** Where it begins in the document's text, in UTF-16 units. */
  readonly offset: number;
  /** The line of the text it begins on, from 1. */
  readonly line: number;
  /** The page it begins on, from 1, if there are pages. */
  readonly page?: number;
  /** The heading of its section, if there is one. */
  readonly heading?: string;
  readonly [key: string]: unknown;
}

/** A piece of a document. */
export interface Chunk {
  readonly content: string;
  readonly metadata: ChunkMetadata;
  /** Its vector, of length 1. */
  readonly embedding: Float32Array;
}
