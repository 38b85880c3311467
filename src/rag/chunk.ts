import type { DocumentKind } from "./kind.ts";

/** A chunk's position in its document, together with the metadata given for the document. */
export interface ChunkMetadata {
  /** The document's source: its path, or the source or name it was added with. */
  readonly source: string;
  readonly type: DocumentKind;
  /** The document's title, if it has one. */
  readonly title?: string;
  /** The chunk's position among the chunks of its document, from 0. */
  readonly index: number;
  /** Where the chunk starts in the document's text, in UTF-16 code units. */
  readonly offset: number;
  /** The line on which the chunk starts, from 1. */
  readonly line: number;
  /** The page on which the chunk starts, from 1, if the document has pages. */
  readonly page?: number;
  /** The heading of the section in which the chunk starts, if any. */
  readonly heading?: string;
  readonly [key: string]: unknown;
}

/** A piece of a document. */
export interface Chunk {
  readonly content: string;
  readonly metadata: ChunkMetadata;
  /** The chunk's vector, of length 1. */
  readonly embedding: Float32Array;
}
