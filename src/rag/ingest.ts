import { unlessAborted } from "../background/core/unless-aborted.ts";
import type { Chunk, ChunkMetadata } from "./chunk.ts";
import type { RequestedDocument } from "./document.ts";
import { documentError } from "./document-error.ts";
import { type DocumentText, headingAt, pageAt } from "./document-text.ts";
import { type Embedder, embedAll, nameOf } from "./embedder.ts";
import { readFile, tooLarge } from "./file.ts";
import { BEGINNING, type DocumentKind, kindOf, kindOfText } from "./kind.ts";
import { Pace } from "./pace.ts";
import type { Reader } from "./reader.ts";
import { type Span, split } from "./split.ts";
import type { VectorStore } from "./vector-store.ts";

/** How far adding a document has come. */
export interface IngestProgress {
  /** Chunks that are embedded. */
  readonly done: number;
  readonly total: number;
  readonly message: string;
}

/** What adding documents goes by. */
export interface IngestSettings {
  readonly embedder: Embedder;
  readonly store: VectorStore;
  readonly reader: Reader;
  readonly root: string | null;
  readonly maxBytes: number;
  /** Of a chunk, in characters. */
  readonly size: number;
  readonly overlap: number;
  readonly batchSize: number;
}

/** Most chunks of one document: their vectors are in memory until all are there. */
const MAX_CHUNKS = 200_000;

/**
 * A document's way from where it is to where it can be found: read, split, embed, store.
 *
 * @param before what has to be over before it is stored
 */
export async function ingest(
  document: RequestedDocument,
  settings: IngestSettings,
  report: (progress: IngestProgress) => void,
  signal: AbortSignal | undefined,
  before: Promise<void> | undefined,
): Promise<Chunk[]> {
  signal?.throwIfAborted();
  const { path, source, what } = document;
  const { kind, text } = await read(document, settings, signal);
  const pace = new Pace(signal);
  const spans = await spansOf(text, settings, what, pace);
  const message = `embedding ${(path ?? source).slice(0, 200)}`;
  report({ done: 0, total: spans.length, message });
  const { rows, dimensions } = await embedded(text, spans, settings, signal, (done) =>
    report({ done, total: spans.length, message }),
  );
  const metadata = { ...(text.title !== null && { title: text.title }), ...document.metadata, source, type: kind };
  const chunks = await chunksOf(text, spans, metadata, rows, pace);
  const space = { embedder: nameOf(settings.embedder), dimensions };
  if (before !== undefined) await unlessAborted(before, signal);
  await settings.store.put({ source, space, metadata, chunks }, { signal });
  return chunks;
}

async function read(document: RequestedDocument, settings: IngestSettings, signal: AbortSignal | undefined) {
  const { what, claimed, path } = document;
  const { maxBytes } = settings;
  const content = document.content ?? (await readFile(path ?? "", settings, signal));
  if (content.length > maxBytes) throw tooLarge(what, content.length, maxBytes);
  const kind: DocumentKind =
    typeof content === "string"
      ? kindOfText(content.slice(0, BEGINNING), claimed, what)
      : kindOf(content, claimed, what);
  const text = await settings.reader.read({ kind, content, what }, signal);
  // A small file can hold a large text.
  if (text.text.length > maxBytes) throw tooLarge(`The text of ${what}`, text.text.length, maxBytes);
  return { kind, text };
}

/** A chunk to be, and the line that it begins on. */
type Place = Span & { readonly line: number };

async function spansOf(document: DocumentText, settings: IngestSettings, what: string, pace: Pace): Promise<Place[]> {
  const { text, headings, pages } = document;
  const places: Place[] = [];
  let line = 1;
  let newline = text.indexOf("\n");
  for (const { start, end } of split(text, { ...settings, headings })) {
    for (; newline !== -1 && newline < start; newline = text.indexOf("\n", newline + 1)) line++;
    places.push({ start, end, line });
    if (places.length > MAX_CHUNKS) {
      const count = MAX_CHUNKS.toLocaleString("en");
      throw documentError(
        "document_too_large",
        `${what} gives more than ${count} chunks: split it, or raise RAG's chunkSize.`,
      );
    }
    if (pace.isDue) await pace.rest();
  }
  if (places.length > 0) return places;
  const hint = pages === null ? "" : ": it most likely is a scan, which has to go through text recognition first";
  throw documentError("document_empty", `${what} has no text in it${hint}.`);
}

/** The vectors of all chunks: a view for each, into one array a batch. */
async function embedded(
  { text }: DocumentText,
  places: readonly Place[],
  { embedder, batchSize }: IngestSettings,
  signal: AbortSignal | undefined,
  embeddedSoFar: (done: number) => void,
): Promise<{ readonly rows: readonly Float32Array[]; readonly dimensions: number }> {
  const rows: Float32Array[] = [];
  const pace = new Pace(signal);
  let length: number | undefined;
  for (let from = 0; from < places.length; from += batchSize) {
    const texts = places.slice(from, from + batchSize).map(({ start, end }) => text.slice(start, end));
    const { vectors, dimensions } = await embedAll(embedder, texts, signal, length, pace);
    length = dimensions;
    for (let row = 0; row < texts.length; row++) rows.push(vectors.subarray(row * dimensions, (row + 1) * dimensions));
    embeddedSoFar(rows.length);
    await pace.rest();
  }
  return { rows, dimensions: length ?? 0 };
}

async function chunksOf(
  document: DocumentText,
  places: readonly Place[],
  metadata: Pick<ChunkMetadata, "source" | "type" | "title">,
  rows: readonly Float32Array[],
  pace: Pace,
): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (const [index, { start, end, line }] of places.entries()) {
    const page = pageAt(document, start);
    const heading = headingAt(document, start);
    chunks.push({
      content: document.text.slice(start, end),
      metadata: Object.freeze({
        ...metadata,
        index,
        offset: start,
        line,
        ...(page !== undefined && { page }),
        ...(heading !== undefined && { heading }),
      }),
      embedding: rows[index] as Float32Array,
    });
    if (pace.isDue) await pace.rest();
  }
  return chunks;
}
