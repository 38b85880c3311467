import { setTimeout as pause } from "node:timers/promises";
import { endingOf } from "../background/core/endings.ts";
import { unlessAborted } from "../background/core/unless-aborted.ts";
import type { Chunk, ChunkMetadata } from "./chunk.ts";
import type { DocumentRequest } from "./document.ts";
import { documentError } from "./document-error.ts";
import { type DocumentText, headingAt, pageAt } from "./document-text.ts";
import { type Embedder, embedAll, nameOf } from "./embedder.ts";
import { readFile, tooLarge } from "./file.ts";
import { BEGINNING, type DocumentKind, kindOf, kindOfText } from "./kind.ts";
import { Pace } from "./pace.ts";
import type { Reader } from "./reader.ts";
import { type Span, split } from "./split.ts";
import type { VectorStore } from "./vector-store.ts";

/** Progress of adding a document. */
export interface IngestProgress {
  /** Chunks embedded so far. */
  readonly done: number;
  /** Chunks of the document. */
  readonly total: number;
  readonly message: string;
}

/** Settings for adding documents. */
export interface IngestSettings {
  readonly embedder: Embedder;
  readonly store: VectorStore;
  readonly reader: Reader;
  readonly root: string | null;
  readonly maxBytes: number;
  /** Maximum size of a chunk, in UTF-16 code units. */
  readonly size: number;
  readonly overlap: number;
  readonly batchSize: number;
}

/** Longest wait for a busy embedder. */
const MAX_WAIT_MS = 60_000;
/** Most waits for one batch. */
const MAX_WAITS = 10;
/** Most chunks of one document: all their vectors are in memory until the document is stored. */
const MAX_CHUNKS = 200_000;

/**
 * Adds a document: reads, splits, embeds and stores it.
 *
 * @param before has to settle before the document is stored
 */
export async function ingest(
  document: DocumentRequest,
  settings: IngestSettings,
  report: (progress: IngestProgress) => void,
  signal: AbortSignal | undefined,
  before: Promise<void> | undefined,
): Promise<Chunk[]> {
  signal?.throwIfAborted();
  const { path, source, what } = document;
  const checking = settings.store.check?.(source, nameOf(settings.embedder));
  if (checking !== undefined) await unlessAborted(checking, signal);
  const { kind, text } = await read(document, settings, signal);
  const pace = new Pace(signal);
  const spans = await spansOf(text, settings, what, pace);
  const message = `embedding ${(path ?? source).slice(0, 200)}`;
  report({ done: 0, total: spans.length, message });
  const { vectors, dimensions } = await embed(text, spans, settings, signal, (done) =>
    report({ done, total: spans.length, message }),
  );
  const metadata = { ...(text.title !== null && { title: text.title }), ...document.metadata, source, type: kind };
  const chunks = await chunksOf(text, spans, metadata, vectors, pace);
  const space = { embedder: nameOf(settings.embedder), dimensions };
  if (before !== undefined) await unlessAborted(before, signal);
  await settings.store.put({ source, space, metadata, chunks }, { signal });
  return chunks;
}

async function read(document: DocumentRequest, settings: IngestSettings, signal: AbortSignal | undefined) {
  const { what, claimed, path } = document;
  const { maxBytes } = settings;
  const content = document.content ?? (await readFile(path ?? "", settings, signal));
  if (content.length > maxBytes) throw tooLarge(what, content.length, maxBytes);
  const kind: DocumentKind =
    typeof content === "string"
      ? kindOfText(content.slice(0, BEGINNING), claimed, what)
      : kindOf(content, claimed, what);
  const text = await settings.reader.read({ kind, content, what }, signal);
  // A small compressed file can contain a large text.
  if (text.text.length > maxBytes) throw tooLarge(`The text of ${what}`, text.text.length, maxBytes);
  return { kind, text };
}

/** A chunk's span, and the line on which it starts. */
type LineSpan = Span & { readonly line: number };

async function spansOf(document: DocumentText, { size, overlap }: IngestSettings, what: string, pace: Pace) {
  const { text, headings, pages } = document;
  const spans: LineSpan[] = [];
  let line = 1;
  let newline = text.indexOf("\n");
  for (const { start, end } of split(text, { size, overlap, headings })) {
    for (; newline !== -1 && newline < start; newline = text.indexOf("\n", newline + 1)) line++;
    spans.push({ start, end, line });
    if (spans.length > MAX_CHUNKS) {
      const count = MAX_CHUNKS.toLocaleString("en");
      throw documentError(
        "document_too_large",
        `${what} has more than ${count} chunks: split it, or raise RAG's chunkSize.`,
      );
    }
    if (pace.isDue) await pace.rest();
  }
  if (spans.length > 0) return spans;
  const hint = pages === null ? "" : ": it is most likely a scan, which needs text recognition first";
  throw documentError("document_empty", `${what} contains no text${hint}.`);
}

/** The vectors of all chunks. Those of one batch are views into one array. */
async function embed(
  { text }: DocumentText,
  spans: readonly Span[],
  { embedder, batchSize }: IngestSettings,
  signal: AbortSignal | undefined,
  report: (done: number) => void,
): Promise<{ readonly vectors: readonly Float32Array[]; readonly dimensions: number }> {
  const vectors: Float32Array[] = [];
  const pace = new Pace(signal);
  let size: number | undefined;
  for (let from = 0; from < spans.length; from += batchSize) {
    const texts = spans.slice(from, from + batchSize).map(({ start, end }) => text.slice(start, end));
    const call = () => embedAll(embedder, texts, signal, size, pace);
    // Ending the attempt would lose the batches before, and a document larger than a rate limit could never be added.
    const { vectors: batch, dimensions } = await (from === 0 ? call() : waitingIfBusy(call, signal));
    size = dimensions;
    for (let row = 0; row < texts.length; row++) vectors.push(batch.subarray(row * dimensions, (row + 1) * dimensions));
    report(vectors.length);
    await pace.rest();
  }
  return { vectors, dimensions: size ?? 0 };
}

/** Makes a call again after the wait that it asks for with a `RetryAfterError`. */
async function waitingIfBusy<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let waits = 0; ; waits++) {
    try {
      return await call();
    } catch (error) {
      const ending = endingOf(error);
      if (ending?.kind !== "retry-after" || ending.delayMs > MAX_WAIT_MS || waits === MAX_WAITS) throw error;
      await pause(ending.delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

async function chunksOf(
  document: DocumentText,
  spans: readonly LineSpan[],
  metadata: Pick<ChunkMetadata, "source" | "type" | "title">,
  vectors: readonly Float32Array[],
  pace: Pace,
): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (const [index, { start, end, line }] of spans.entries()) {
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
      embedding: vectors[index] as Float32Array,
    });
    if (pace.isDue) await pace.rest();
  }
  return chunks;
}
