import { AsyncLocalStorage } from "node:async_hooks";
import { permanentFault } from "../background/core/endings.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Usage } from "../background/core/store.ts";
import { unlessAborted } from "../background/core/unless-aborted.ts";
import { currentJob, type Job } from "../background/engine/job.ts";
import { CallLimit } from "../llm/call-limit.ts";
import type { CallOptions, ChatMessage, LLMClient } from "../llm/llm-client.ts";
import { type Caller, Meter } from "../llm/meter.ts";
import { checkPrompt, checkTexts, type Prompt } from "../llm/prompt.ts";
import { embeddingOf } from "./embedding.ts";

/** One call of a {@link MockLLM}, as it was made. */
export interface MockCall {
  readonly method: "complete" | "stream" | "chat" | "embed";
  /** Of `complete` and `stream`; of a conversation, what was said last. Empty for `embed`. */
  readonly prompt: string;
  /** Of `chat`, and of a `stream` of a conversation. */
  readonly messages: readonly ChatMessage[];
  /** Of `embed`. */
  readonly texts: readonly string[];
  readonly options: CallOptions;
}

/** What is answered: a text, or an error to be thrown. */
export type MockResponse = string | Error;

/** Settings of a {@link MockLLM}. */
export interface MockLLMOptions {
  /** The answer to every call, the answers in turn, or what makes one of a call; default `"mock response"`. */
  readonly response?:
    | MockResponse
    | readonly MockResponse[]
    | ((call: MockCall) => MockResponse | Promise<MockResponse>)
    | undefined;
  /** What each call uses: recorded on the job at hand, as `LLM` does, of a stream at its end. Default: nothing is recorded. */
  readonly usage?: Usage | undefined;
  /** Default `"mock"`. */
  readonly model?: string | undefined;
  /** Numbers of an embedding; default 64. */
  readonly dimensions?: number | undefined;
}

const OPTIONS = ["response", "usage", "model", "dimensions"] as const;

/**
 * A model that answers what a test tells it to, in the place of an `LLM`: nothing is sent, nothing is installed, and
 * `calls` has what it was asked.
 *
 * @throws JobError `invalid_option` for an unknown option
 * @example
 * ```ts
 * const llm = new MockLLM({ response: "A summary." });
 * assert.equal(await summarize(llm, "a long text"), "A summary.");
 * assert.match(llm.calls[0].prompt, /a long text/);
 * ```
 */
export class MockLLM implements LLMClient {
  readonly model: string;
  /** All calls so far, in order. */
  readonly calls: readonly MockCall[];
  readonly #calls: MockCall[] = [];
  readonly #options: MockLLMOptions;
  readonly #dimensions: number;
  #answered = 0;

  constructor(options: MockLLMOptions = {}) {
    checkOptions(options, OPTIONS, "options of MockLLM");
    this.calls = this.#calls;
    this.model = options.model ?? "mock";
    this.#dimensions = wholeNumber(options.dimensions ?? 64, 1, "dimensions option of MockLLM", 10_000);
    this.#options = options;
  }

  complete(prompt: string, options: CallOptions = {}): Promise<string> {
    return this.#answer("complete", prompt, options);
  }

  chat(messages: readonly ChatMessage[], options: CallOptions = {}): Promise<string> {
    return this.#answer("chat", messages, options);
  }

  /** The answer word by word. */
  stream(prompt: string | readonly ChatMessage[], options: CallOptions = {}): AsyncGenerator<string, void> {
    return this.#words(prompt, options, currentJob(), AsyncLocalStorage.snapshot());
  }

  /** Vectors of length 1: the same for the same text, and close to one another for texts that share words. */
  async embed(texts: readonly string[], options: CallOptions = {}): Promise<number[][]> {
    checkTexts(this.model, texts);
    const begun = this.#begin("embed", options, currentJob());
    return this.#call(begun, async () => {
      this.#calls.push({ method: "embed", prompt: "", messages: [], texts: [...texts], options });
      return texts.map((text) => embeddingOf(text, this.#dimensions));
    });
  }

  #begin(method: MockCall["method"], { signal }: CallOptions, job: Job | undefined, caller?: Caller): Begun {
    const asked = { model: this.model, provider: "mock", method };
    const meter = new Meter(asked, () => this.#options.usage?.cost ?? null, job, caller);
    const limit = new CallLimit({
      model: this.model,
      signals: [signal, job?.signal],
      timeoutMs: 0,
      onAbort: (reason) => meter.end(reason),
    });
    // An answer may take as long as a test likes.
    limit.pause();
    return { meter, limit };
  }

  async #answer(method: "complete" | "chat", prompt: Prompt, options: CallOptions): Promise<string> {
    return this.#call(this.#begin(method, options, currentJob()), () => this.#made(method, prompt, options));
  }

  async *#words(prompt: Prompt, options: CallOptions, job: Job | undefined, caller: Caller) {
    const begun = this.#begin("stream", options, job, caller);
    const { meter, limit } = begun;
    try {
      limit.signal.throwIfAborted();
      const answer = await unlessAborted(this.#made("stream", prompt, options), limit.signal);
      for (const word of answer.match(/\s*\S+\s*|\s+/g) ?? []) {
        if (this.#options.usage !== undefined) meter.markBilled();
        yield word;
        limit.signal.throwIfAborted();
      }
      this.#use(meter);
    } catch (error) {
      meter.end(error);
      throw error;
    } finally {
      meter.end();
      limit.release();
    }
  }

  /** One call from its beginning to its end: ended by signals, recorded and told as a real one is. */
  async #call<T>({ meter, limit }: Begun, answer: () => Promise<T>): Promise<T> {
    try {
      limit.signal.throwIfAborted();
      const value = await unlessAborted(answer(), limit.signal);
      this.#use(meter);
      meter.end();
      return value;
    } catch (error) {
      meter.end(error);
      throw error;
    } finally {
      limit.release();
    }
  }

  #use(meter: Meter): void {
    meter.update(this.#options.usage ?? null);
  }

  async #made(method: MockCall["method"], asked: Prompt, options: CallOptions): Promise<string> {
    checkPrompt(this.model, asked);
    const messages = typeof asked === "string" ? [] : asked.map((message) => ({ ...message }));
    const prompt = typeof asked === "string" ? asked : (messages.at(-1)?.content ?? "");
    const call: MockCall = { method, prompt, messages, texts: [], options };
    this.#calls.push(call);
    const response = await this.#next(call);
    if (response instanceof Error) throw response;
    return response;
  }

  #next(call: MockCall): MockResponse | Promise<MockResponse> {
    const { response = "mock response" } = this.#options;
    if (typeof response === "function") return response(call);
    if (typeof response === "string" || response instanceof Error) return response;
    const next = response[this.#answered++];
    if (next !== undefined) return next;
    const message = `MockLLM has no response left: it was given ${response.length}, and this is call ${this.#answered}.`;
    throw permanentFault("invalid_option", message);
  }
}

interface Begun {
  readonly meter: Meter;
  readonly limit: CallLimit;
}
