import { MAX_TIMER_MS } from "../background/core/duration.ts";
import type { JobError } from "../background/core/errors.ts";
import type { ThreadProgram } from "../background/core/thread-program.ts";
import { decodeText } from "./charset.ts";
import { documentError } from "./document-error.ts";
import type { DocumentText } from "./document-text.ts";
import type { DocumentKind } from "./kind.ts";
import { headingsOf } from "./markdown.ts";
import { Mutex } from "./mutex.ts";
import { Pace } from "./pace.ts";
import type { ReadRequest } from "./readers/request.ts";
import { ThreadCalls } from "./thread-calls.ts";

const PROGRAM: ThreadProgram = {
  what: "Reading documents other than text",
  name: "readers/thread",
  module: import.meta.url,
  traced: `${import.meta.url}/../readers/thread.js`,
};
/** Most memory that reading a document may take, in addition to the document itself, in MiB. */
const MEMORY_MB = 768;
/**
 * The thread's heap limit, relative to that. It is a last resort, higher than the limit that is checked from outside:
 * V8 ends the whole process, not the thread, if a single allocation exceeds what is left.
 */
const HEAP_LIMIT_FACTOR = 4 / 3;
/** How often the thread's memory is checked; between two checks it may grow by some megabytes. */
const CHECK_INTERVAL_MS = 50;

/** A document whose kind is known. */
export interface Readable {
  readonly kind: DocumentKind;
  readonly content: Uint8Array | string;
  /** How error messages refer to the document. */
  readonly what: string;
}

/**
 * Extracts the text of documents. Text and Markdown are read on this thread. PDF, Word and HTML documents are parsed
 * one at a time on a separate thread, which has limits of memory and time and can be terminated at any moment.
 */
export class Reader {
  readonly #thread: ThreadCalls<ReadRequest>;
  readonly #timeoutMs: number;
  readonly #memoryMb: number;
  readonly #mutex = new Mutex();

  constructor(timeoutMs: number, memoryMb: number = MEMORY_MB) {
    this.#timeoutMs = timeoutMs;
    this.#memoryMb = memoryMb;
    this.#thread = new ThreadCalls({
      program: PROGRAM,
      name: "rapidai-rag-reader",
      limits: { maxOldGenerationSizeMb: Math.ceil(memoryMb * HEAP_LIMIT_FACTOR) },
    });
  }

  /** @throws JobError `document_encrypted`, `document_unreadable`, `document_too_large`, `package_missing`, `backend_unavailable` */
  async read({ kind, content, what }: Readable, signal: AbortSignal | undefined): Promise<DocumentText> {
    if (kind === "pdf" || kind === "docx") {
      if (typeof content === "string")
        throw documentError("document_mislabelled", `${what} is text, but is labelled as ${kind}.`);
      // Posting a view to the thread would copy its whole buffer, which may be the body of an upload.
      const isView = content.byteLength < content.buffer.byteLength;
      return this.#readOnThread({ kind, content: isView ? new Uint8Array(content) : content, what }, signal);
    }
    const pace = new Pace(signal);
    const text =
      typeof content === "string" ? content.replace(/^\ufeff/, "") : await decodeText(content, kind === "html", pace);
    if (kind === "html") return this.#readOnThread({ kind, content: text, what }, signal);
    return { text, title: null, headings: kind === "markdown" ? await headingsOf(text, pace) : [], pages: null };
  }

  /** Ends the thread. Call it when nothing is being read any more. */
  async close(): Promise<void> {
    await this.#thread.end(undefined);
  }

  /** Waits for this document's turn, and reads it. */
  async #readOnThread(request: ReadRequest, signal: AbortSignal | undefined): Promise<DocumentText> {
    await this.#mutex.acquire(signal);
    try {
      return await this.#readNow(request, signal);
    } finally {
      this.#mutex.release();
    }
  }

  async #readNow(request: ReadRequest, signal: AbortSignal | undefined): Promise<DocumentText> {
    signal?.throwIfAborted();
    const { what } = request;
    const stop = () => void this.#thread.end(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    const timeout = documentError(
      "document_unreadable",
      `${what} could not be read within ${this.#timeoutMs} ms: split it, or raise RAG's readTimeout.`,
    );
    const timer = setTimeout(() => void this.#thread.end(timeout), Math.min(this.#timeoutMs, MAX_TIMER_MS));
    const watch = setInterval(() => void this.#checkMemory(request), CHECK_INTERVAL_MS);
    try {
      return await this.#thread.call<DocumentText>(request);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_OUT_OF_MEMORY") throw error;
      throw this.#tooLarge(what, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      // Memory not yet garbage-collected would count against the next document.
      if ((await this.#thread.memoryUsage()) > this.#maxBytes / 4) await this.#thread.end(undefined);
      // Cleared last: the idle thread itself would not keep the process alive until memoryUsage() resolves.
      clearInterval(watch);
    }
  }

  async #checkMemory({ what, content }: ReadRequest): Promise<void> {
    const usage = await this.#thread.memoryUsage();
    if (usage > content.length + this.#maxBytes) void this.#thread.end(this.#tooLarge(what));
  }

  get #maxBytes(): number {
    return this.#memoryMb << 20;
  }

  #tooLarge(what: string, cause?: unknown): JobError {
    return documentError(
      "document_too_large",
      `${what} needs more than ${this.#memoryMb} MiB of memory to be read.`,
      cause,
    );
  }
}
