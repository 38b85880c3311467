import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import { currentJob } from "../background/engine/job.ts";
import type { Chunk } from "./chunk.ts";
import { type DocumentInput, pathOf, requested } from "./document.ts";
import { type Embedder, embedAll, nameOf } from "./embedder.ts";
import { sourceOf } from "./file.ts";
import { type IngestProgress, type IngestSettings, ingest } from "./ingest.ts";
import { lexicalEmbedder } from "./lexical.ts";
import { withLinkedSignal } from "./linked-signal.ts";
import { memoryVectors } from "./memory-vectors.ts";
import { Pace } from "./pace.ts";
import { Reader } from "./reader.ts";
import type { RetrievedChunk, VectorStore } from "./vector-store.ts";

/** Settings of a {@link RAG}. */
export interface RAGOptions {
  /** What makes vectors of texts; default {@link lexicalEmbedder}, which finds shared words, not shared meaning. */
  readonly embedder?: Embedder | undefined;
  /** Where documents are kept; default {@link memoryVectors}. {@link sqliteVectors} survives restarts. */
  readonly store?: VectorStore | undefined;
  /** The folder that files are read from: a path that leads out of it is refused. Default: anywhere. */
  readonly root?: string | undefined;
  /** Most bytes of a document, and of the text in it; default 32 MiB. More is refused before it is read. */
  readonly maxBytes?: number | undefined;
  /** Most characters of a chunk, from 32 to 100,000; default 1,000. */
  readonly chunkSize?: number | undefined;
  /** Most characters that a chunk repeats of the one before, up to a quarter of its size; default a fifth. */
  readonly chunkOverlap?: number | undefined;
  /** Chunks that are embedded by one call, from 1 to 2,048; default 64. */
  readonly batchSize?: number | undefined;
  /** How long reading a PDF, Word or HTML document may take; default `"60s"`. */
  readonly readTimeout?: Duration | undefined;
}

/** Settings of {@link RAG.addDocument}. */
export interface AddOptions {
  /** Stops it, with nothing stored; inside a job that job's own signal does, too. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each batch; default: reports to the job at hand, if there is one. */
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined;
}

/** Settings of {@link RAG.retrieve}. */
export interface RetrieveOptions {
  /** Most chunks to answer with, from 1 to 1,000; default 5. */
  readonly topK?: number | undefined;
  /** Leaves out chunks of a lower score; default none. */
  readonly minScore?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS = ["embedder", "store", "root", "maxBytes", "chunkSize", "chunkOverlap", "batchSize", "readTimeout"];
const DEFAULT_MAX_BYTES = 32 << 20;
/** The longest text that there can be is 2^29 - 24 units, in V8. */
const LARGEST_MAX_BYTES = 2 ** 29 - 24;

/**
 * Documents by what they say: reads, splits, embeds and keeps them, and finds the passages that fit a question.
 *
 * Reads text, Markdown, HTML (with the package `parse5`), PDF (`unpdf`; for some in Chinese, Japanese or Korean also
 * `pdfjs-dist`) and Word documents (`mammoth` and `parse5`), each package loaded when it is used. Inside a job, progress
 * is reported and a cancel stops the work by itself.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const rag = new RAG();
 * const chunks = await rag.addDocument("handbook.pdf");
 * const [best] = await rag.retrieve("How many days of leave are there?", { topK: 3 });
 * ```
 */
export class RAG {
  readonly #settings: IngestSettings;
  readonly #reader: Reader;
  readonly #store: VectorStore;
  /** Of each source that documents are being added of, when the last that was asked for, and all before it, are over. */
  readonly #over = new Map<string, Promise<void>>();
  /** Ends what is being added. */
  readonly #closing = new AbortController();

  constructor(options: RAGOptions = {}) {
    checkOptions(options, OPTIONS, "options of a RAG");
    const { embedder = lexicalEmbedder(), store = memoryVectors(), root, maxBytes = DEFAULT_MAX_BYTES } = options;
    const { chunkSize = 1_000, batchSize = 64, readTimeout = "60s" } = options;
    if (typeof embedder?.embed !== "function") {
      throw new JobError(
        "invalid_option",
        `The embedder of a RAG is ${shown(embedder)}: give an object with embed(texts).`,
      );
    }
    if (typeof store?.put !== "function" || typeof store.search !== "function") {
      throw new JobError(
        "invalid_option",
        `The store of a RAG is ${shown(store)}: give memoryVectors() or sqliteVectors().`,
      );
    }
    if (root !== undefined && (typeof root !== "string" || root === "")) {
      throw new JobError("invalid_option", `The root of a RAG is ${shown(root)}: give the path of a folder.`);
    }
    const size = wholeNumber(chunkSize, 32, "chunkSize of a RAG", 100_000);
    const { chunkOverlap = Math.floor(size / 5) } = options;
    this.#store = store;
    this.#reader = new Reader(toMs(readTimeout, "readTimeout of a RAG"));
    this.#settings = {
      embedder,
      store,
      reader: this.#reader,
      root: root ?? null,
      maxBytes: wholeNumber(maxBytes, 1, "maxBytes of a RAG", LARGEST_MAX_BYTES),
      size,
      overlap: wholeNumber(chunkOverlap, 0, "chunkOverlap of a RAG", Math.floor(size / 4)),
      batchSize: wholeNumber(batchSize, 1, "batchSize of a RAG", 2_048),
    };
  }

  /**
   * Reads a document, splits it into chunks, embeds and stores them. They can be found all at once, when it resolves, and
   * not before; they replace those of the same source, so that a repeated attempt of a job changes nothing. Of several of
   * one source at once, the one that was asked for last stays.
   *
   * What a document is, its content decides, then its `type`, then its name.
   *
   * @returns its chunks, in order
   * @throws JobError `document_not_found`, `document_forbidden`, `document_empty`, `document_encrypted`,
   * `document_mislabelled`, `document_unsupported`, `document_unreadable`, `document_too_large`: permanent, a job that
   * meets one is not tried again; `document_unavailable`, `package_missing`, `invalid_embedding`, `embedder_mismatch`,
   * `vectors_unavailable`, `invalid_option`; `backend_unavailable` where a bundle left a thread's program behind
   * @example
   * ```ts
   * await rag.addDocument("handbook.pdf");
   * await rag.addDocument({ content: "The office is closed on Mondays.", metadata: { source: "notice" } });
   * await rag.addDocument({ content: bytesOfUpload, name: "contract.docx" });
   * ```
   */
  async addDocument(document: DocumentInput, options: AddOptions = {}): Promise<Chunk[]> {
    checkOptions(options, ["signal", "onProgress"], "options of addDocument()");
    const { signal, onProgress } = options;
    const job = currentJob();
    const report = onProgress ?? ((progress: IngestProgress) => job?.progress(progress));
    const request = requested(document, this.#settings.root);
    const { source } = request;
    const before = this.#over.get(source);
    const adding = withLinkedSignal([this.#closing.signal, signal, job?.signal], (ending) =>
      ingest(request, this.#settings, report, ending, before),
    );
    const over: Promise<void> = Promise.allSettled([before, adding]).then(() => {
      if (this.#over.get(source) === over) this.#over.delete(source);
    });
    this.#over.set(source, over);
    return adding;
  }

  /**
   * The chunks that fit a question best, with their scores, best first. Exact: every chunk is compared. None where an
   * embedder finds nothing to go by in the question, as {@link lexicalEmbedder} where there is no word in it.
   *
   * @throws JobError `embedder_mismatch`, `invalid_embedding`, `vectors_unavailable`, `invalid_option`
   * @example
   * ```ts
   * for (const { content, score, metadata } of await rag.retrieve("vacation policy")) {
   *   console.log(score.toFixed(2), metadata.source, metadata.page, content);
   * }
   * ```
   */
  async retrieve(query: string, options: RetrieveOptions = {}): Promise<RetrievedChunk[]> {
    if (typeof query !== "string") throw new JobError("invalid_option", `The query is ${shown(query)}: give a string.`);
    checkOptions(options, ["topK", "minScore", "signal"], "options of retrieve()");
    const topK = wholeNumber(options.topK ?? 5, 1, "topK of retrieve()", 1_000);
    const { minScore = Number.NEGATIVE_INFINITY } = options;
    if (typeof minScore !== "number" || Number.isNaN(minScore))
      throw new JobError("invalid_option", `The minScore of retrieve() is ${shown(minScore)}: give a number.`);
    if (query.trim() === "") return [];
    const { embedder } = this.#settings;
    return withLinkedSignal([options.signal, currentJob()?.signal], async (signal) => {
      const { vectors: vector, dimensions } = await embedAll(embedder, [query], signal, undefined, new Pace(signal));
      // A question without words: nothing is nearer to it than anything else.
      if (vector.every((number) => number === 0)) return [];
      const space = { embedder: nameOf(embedder), dimensions };
      const found = await this.#store.search({ vector, space, topK, signal });
      return found.filter(({ score }) => score >= minScore);
    });
  }

  /** Removes a document, by its path or `metadata.source`; whether there was one. */
  async remove(source: string | URL): Promise<boolean> {
    const path = pathOf(source);
    return (await this.#store.remove(path)) || this.#store.remove(sourceOf(path, this.#settings.root));
  }

  /** Ends what is under way and closes the store. What is in memory is gone then. */
  async close(): Promise<void> {
    this.#closing.abort(new JobError("document_unavailable", "The RAG was closed before the document was added."));
    await this.#reader.close();
    await this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
