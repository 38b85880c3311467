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
  what: "Reading other documents than text",
  name: "readers/thread",
  module: import.meta.url,
  traced: `${import.meta.url}/../readers/thread.js`,
};
/** Most memory that a document may take while it is read, beside its own size, in MiB. */
const MEMORY_MB = 768;
/**
 * How much more the thread's objects may take before its engine ends it. That is for when nobody could look, for it ends
 * the whole process where a single thing too large for what is left is asked for.
 */
const ENGINE_SHARE = 4 / 3;
/** How often to look at what a document takes, in milliseconds: in between come some megabytes. */
const LOOK_MS = 50;

/** A document whose kind is known. */
export interface Readable {
  readonly kind: DocumentKind;
  readonly content: Uint8Array | string;
  /** How errors name it. */
  readonly what: string;
}

/**
 * Makes text of documents. Text and Markdown are read here; what has to be parsed is read on a thread of its own, one
 * document at a time, that can be ended in the midst of it and has bounds of memory and time.
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
      limits: { maxOldGenerationSizeMb: Math.ceil(memoryMb * ENGINE_SHARE) },
    });
  }

  /** @throws JobError `document_encrypted`, `document_unreadable`, `document_too_large`, `package_missing`, `backend_unavailable` */
  async read({ kind, content, what }: Readable, signal: AbortSignal | undefined): Promise<DocumentText> {
    if (kind === "pdf" || kind === "docx") {
      if (typeof content === "string")
        throw documentError("document_mislabelled", `${what} is text, and said to be ${kind}.`);
      // With a view, all that it is a view of would cross to the thread: the body of an upload, say.
      const isView = content.byteLength < content.buffer.byteLength;
      return this.#readApart({ kind, content: isView ? new Uint8Array(content) : content, what }, signal);
    }
    const pace = new Pace(signal);
    const text =
      typeof content === "string" ? content.replace(/^\ufeff/, "") : await decodeText(content, kind === "html", pace);
    if (kind === "html") return this.#readApart({ kind, content: text, what }, signal);
    return { text, title: null, headings: kind === "markdown" ? await headingsOf(text, pace) : [], pages: null };
  }

  /** For when nothing is being read any more. */
  async close(): Promise<void> {
    await this.#thread.end(undefined);
  }

  /** When it is this document's turn. */
  async #readApart(request: ReadRequest, signal: AbortSignal | undefined): Promise<DocumentText> {
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
    const late = documentError(
      "document_unreadable",
      `${what} could not be read within ${this.#timeoutMs} ms: split it, or raise RAG's readTimeout.`,
    );
    const timer = setTimeout(() => void this.#thread.end(late), Math.min(this.#timeoutMs, MAX_TIMER_MS));
    const watch = setInterval(() => void this.#look(request), LOOK_MS);
    try {
      return await this.#thread.call<DocumentText>(request);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_OUT_OF_MEMORY") throw error;
      throw this.#tooLarge(what, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      // Much that is not collected yet would count against the next document.
      if ((await this.#thread.held()) > this.#mostBytes / 4) await this.#thread.end(undefined);
      // Not before: an idle thread does not keep the program alive until it has answered.
      clearInterval(watch);
    }
  }

  async #look({ what, content }: ReadRequest): Promise<void> {
    if ((await this.#thread.held()) > content.length + this.#mostBytes) void this.#thread.end(this.#tooLarge(what));
  }

  get #mostBytes(): number {
    return this.#memoryMb << 20;
  }

  #tooLarge(what: string, cause?: unknown): JobError {
    return documentError(
      "document_too_large",
      `${what} takes more than ${this.#memoryMb} MiB of memory to read.`,
      cause,
    );
  }
}
