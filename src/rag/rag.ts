import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import { currentJob } from "../background/engine/current-job.ts";
import type { Chunk } from "./chunk.ts";
import { type DocumentInput, pathOf, requestOf } from "./document.ts";
import { type Embedder, embedAll, nameOf } from "./embedder.ts";
import { sourceOf } from "./file.ts";
import { type IngestProgress, type IngestSettings, ingest } from "./ingest.ts";
import { lexicalEmbedder } from "./lexical.ts";
import { withLinkedSignal } from "./linked-signal.ts";
import { memoryVectors } from "./memory-vectors.ts";
import { checkedFilter, type MetadataFilter, matcherOf } from "./metadata-filter.ts";
import { Pace } from "./pace.ts";
import { Reader } from "./reader.ts";
import { MIN_SIZE } from "./split.ts";
import type { RetrievedChunk, VectorStore } from "./vector-store.ts";

/** Options of a {@link RAG}. */
export interface RAGOptions {
  /** Turns texts into vectors. Default: `lexicalEmbedder`, which compares words, not meaning. */
  readonly embedder?: Embedder | undefined;
  /** Stores the documents. Default: `memoryVectors`; `sqliteVectors` survives restarts. */
  readonly store?: VectorStore | undefined;
  /** The folder that files are read from; a path that leads out of it is refused. Default: no restriction. */
  readonly root?: string | undefined;
  /** Maximum size of a document and of its text, in bytes; a larger file is refused before it is read. Default: 32 MiB. */
  readonly maxBytes?: number | undefined;
  /** Maximum size of a chunk, from 32 to 100,000 characters. Default: 1,000. */
  readonly chunkSize?: number | undefined;
  /** Most characters of the previous chunk that a chunk repeats, at most a quarter of its size. Default: a fifth of it. */
  readonly chunkOverlap?: number | undefined;
  /** How many chunks one call embeds, from 1 to 2,048. Default: 64. */
  readonly batchSize?: number | undefined;
  /** How long reading a PDF, Word or HTML document may take. Default: `"60s"`. */
  readonly readTimeout?: Duration | undefined;
}

/** Options of {@link RAG.addDocument}. */
export interface AddOptions {
  /** Stops adding the document; nothing is stored then. Inside a job, the job's own signal does so too. */
  readonly signal?: AbortSignal | undefined;
  /** Called at the start and after each batch. Default: reports progress to the current job, if any. */
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined;
}

/** Options of {@link RAG.retrieve}. */
export interface RetrieveOptions {
  /** Maximum number of chunks, from 1 to 1,000. Default: 5. */
  readonly topK?: number | undefined;
  /** Leaves out chunks with a lower score. Default: no minimum. */
  readonly minScore?: number | undefined;
  /** Searches only documents whose metadata matches, such as `{ customer: "acme" }`. Default: all documents. */
  readonly filter?: MetadataFilter | undefined;
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS = ["embedder", "store", "root", "maxBytes", "chunkSize", "chunkOverlap", "batchSize", "readTimeout"];
const DEFAULT_MAX_BYTES = 32 << 20;
/** V8's strings have at most 2^29 - 24 code units. */
const LARGEST_MAX_BYTES = 2 ** 29 - 24;

/**
 * Retrieval-augmented generation: reads documents, splits, embeds and stores them, and retrieves the passages that
 * match a question best.
 *
 * Reads text, Markdown, HTML (with the package `parse5`), PDF (`unpdf`; for some in Chinese, Japanese or Korean also
 * `pdfjs-dist`) and Word documents (`mammoth` and `parse5`); each package is loaded on first use. Inside a job,
 * progress is reported to the job, and cancelling the job stops the work.
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
  /** By source: settles when all additions of documents with that source requested so far have ended. */
  readonly #pending = new Map<string, Promise<void>>();
  /** Aborts all additions. */
  readonly #closing = new AbortController();

  constructor(options: RAGOptions = {}) {
    checkOptions(options, OPTIONS, "options of a RAG");
    const { embedder = lexicalEmbedder(), store = memoryVectors(), root, maxBytes = DEFAULT_MAX_BYTES } = options;
    const { chunkSize = 1_000, batchSize = 64, readTimeout = "60s" } = options;
    if (typeof embedder?.embed !== "function") {
      throw new JobError(
        "invalid_option",
        `The embedder of a RAG must be an object with embed(texts), not ${shown(embedder)}.`,
      );
    }
    if (typeof store?.put !== "function" || typeof store.search !== "function") {
      throw new JobError(
        "invalid_option",
        `The store of a RAG must be a vector store, such as memoryVectors() or sqliteVectors(), not ${shown(store)}.`,
      );
    }
    if (root !== undefined && (typeof root !== "string" || root === "")) {
      throw new JobError("invalid_option", `The root of a RAG must be the path of a folder, not ${shown(root)}.`);
    }
    const size = wholeNumber(chunkSize, MIN_SIZE, "chunkSize of a RAG", 100_000);
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
   * Adds a document: reads it, splits it into chunks, embeds and stores them. The chunks become visible together when
   * the promise resolves. They replace those of the same source, so that repeating the attempt of a job is safe. If
   * documents of one source are added concurrently, the last one requested wins.
   *
   * A document's kind is determined by its content, else by `type`, else by its name.
   *
   * @returns the document's chunks, in order
   * @throws JobError `document_not_found`, `document_forbidden`, `document_empty`, `document_encrypted`,
   * `document_mislabelled`, `document_unsupported`, `document_unreadable`, `document_too_large`: these are permanent,
   * and fail a job without a retry; `document_unavailable`, `package_missing`, `invalid_embedding`,
   * `embedder_mismatch`, `vectors_unavailable`, `invalid_option`; `backend_unavailable` if a bundle lacks a thread's
   * program
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
    const request = requestOf(document, this.#settings.root);
    const { source } = request;
    const before = this.#pending.get(source);
    const adding = withLinkedSignal([this.#closing.signal, signal, job?.signal], (linked) =>
      ingest(request, this.#settings, report, linked, before),
    );
    const pending: Promise<void> = Promise.allSettled([before, adding]).then(() => {
      if (this.#pending.get(source) === pending) this.#pending.delete(source);
    });
    this.#pending.set(source, pending);
    return adding;
  }

  /**
   * Finds the chunks that match a question best, with their scores, best first. The search is exact: every chunk is
   * compared. It finds nothing if the question's vector is zero, as `lexicalEmbedder`'s is for a question without
   * words.
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
    if (typeof query !== "string")
      throw new JobError("invalid_option", `The query of retrieve() must be a string, not ${shown(query)}.`);
    checkOptions(options, ["topK", "minScore", "filter", "signal"], "options of retrieve()");
    const topK = wholeNumber(options.topK ?? 5, 1, "topK of retrieve()", 1_000);
    const { minScore = Number.NEGATIVE_INFINITY } = options;
    if (typeof minScore !== "number" || Number.isNaN(minScore))
      throw new JobError("invalid_option", `The minScore of retrieve() must be a number, not ${shown(minScore)}.`);
    const filter = options.filter === undefined ? undefined : checkedFilter(options.filter, "filter of retrieve()");
    if (filter !== undefined) this.#filteringStore();
    if (query.trim() === "") return [];
    const { embedder } = this.#settings;
    return withLinkedSignal([options.signal, currentJob()?.signal], async (signal) => {
      const { vectors: vector, dimensions } = await embedAll(embedder, [query], signal, undefined, new Pace(signal));
      // Nothing is closer to a zero vector than anything else.
      if (vector.every((number) => number === 0)) return [];
      const space = { embedder: nameOf(embedder), dimensions };
      const found = await this.#store.search({ vector, space, topK, filter, signal });
      const matches = filter && matcherOf(filter);
      // A store of the user's own, or a wrapper around one, may ignore the filter and return another customer's chunks.
      if (!found.every(({ metadata }) => matches?.(metadata) ?? true)) {
        const message =
          "The store of a RAG returned chunks that do not match the filter: have its search() apply query.filter.";
        throw new JobError("invalid_option", message);
      }
      return found.filter(({ score }) => score >= minScore);
    });
  }

  /**
   * Removes a document by its path or source, whoever it belongs to: for a document of one customer, use
   * {@link removeMatching} with `{ customer, source }`. A document that is still being added is not included.
   *
   * @returns whether there was one
   */
  async remove(source: string | URL): Promise<boolean> {
    const path = pathOf(source);
    return (await this.#store.remove(path)) || this.#store.remove(sourceOf(path, this.#settings.root));
  }

  /**
   * Removes all documents whose metadata matches, atomically: all documents of a customer, for example. Documents that are
   * still being added are not included.
   *
   * @returns the number of documents removed
   * @throws JobError `vectors_unavailable`, `invalid_option`
   * @example
   * ```ts
   * const count = await rag.removeMatching({ customer: "acme" });
   * ```
   */
  async removeMatching(filter: MetadataFilter): Promise<number> {
    return this.#filteringStore().removeMatching(checkedFilter(filter, "filter of removeMatching()"));
  }

  #filteringStore(): FilteringStore {
    const store = this.#store;
    if (supportsFilters(store)) return store;
    throw new JobError(
      "invalid_option",
      "The store of a RAG does not support filters: give it removeMatching(), and have its search() apply query.filter.",
    );
  }

  /** Aborts additions in progress and closes the store. Documents in memory are lost. */
  async close(): Promise<void> {
    this.#closing.abort(new JobError("document_unavailable", "The RAG was closed before the document was added."));
    await this.#reader.close();
    await this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

type FilteringStore = VectorStore & Required<Pick<VectorStore, "removeMatching">>;

function supportsFilters(store: VectorStore): store is FilteringStore {
  return typeof store.removeMatching === "function";
}
