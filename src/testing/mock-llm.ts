import { AsyncLocalStorage } from "node:async_hooks";
import { permanentFault } from "../background/core/endings.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Usage } from "../background/core/store.ts";
import { unlessAborted } from "../background/core/unless-aborted.ts";
import { currentJob } from "../background/engine/current-job.ts";
import type { Job } from "../background/engine/job.ts";
import { CallLimit } from "../llm/call-limit.ts";
import { checkCallOptions } from "../llm/call-options.ts";
import type { CallOptions, ChatMessage, LLMClient } from "../llm/llm-client.ts";
import { type Caller, Meter } from "../llm/meter.ts";
import { checkPrompt, checkTexts, type Prompt } from "../llm/prompt.ts";
import { embeddingOf } from "./embedding.ts";

/** A call that a {@link MockLLM} has received. */
export interface MockCall {
  readonly method: "complete" | "stream" | "chat" | "embed";
  /** The prompt; for a conversation, its last message. Empty for `embed`. */
  readonly prompt: string;
  /** The messages of a conversation; else empty. */
  readonly messages: readonly ChatMessage[];
  /** The texts of `embed`; else empty. */
  readonly texts: readonly string[];
  readonly options: CallOptions;
}

/** A response: a text, or an error to throw. */
export type MockResponse = string | Error;

/** Options of a {@link MockLLM}. */
export interface MockLLMOptions {
  /** The response to every call, one response for each call in turn, or a function. Default: `"mock response"`. */
  readonly response?:
    | MockResponse
    | readonly MockResponse[]
    | ((call: MockCall) => MockResponse | Promise<MockResponse>)
    | undefined;
  /** The usage to record on the current job for each call, as `LLM` does; for a stream at its end. Default: none. */
  readonly usage?: Usage | undefined;
  /** Default: `"mock"`. */
  readonly model?: string | undefined;
  /** Dimensions of an embedding. Default: 64. */
  readonly dimensions?: number | undefined;
}

const OPTIONS = ["response", "usage", "model", "dimensions"] as const;

/**
 * Stands in for an `LLM` in tests: it responds as told, sends nothing, needs no package, and records its calls in
 * `calls`.
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

  /** Streams the response word by word. */
  stream(prompt: string | readonly ChatMessage[], options: CallOptions = {}): AsyncGenerator<string, void> {
    return this.#words(prompt, options, currentJob(), AsyncLocalStorage.snapshot());
  }

  /** Returns vectors of length 1: the same for the same text, and similar ones for texts that share words. */
  async embed(texts: readonly string[], options: CallOptions = {}): Promise<number[][]> {
    checkTexts(this.model, texts);
    return this.#call(this.#begin("embed", options, currentJob()), async () => {
      this.#calls.push({ method: "embed", prompt: "", messages: [], texts: [...texts], options });
      return texts.map((text) => embeddingOf(text, this.#dimensions));
    });
  }

  #begin(method: MockCall["method"], options: CallOptions, job: Job | undefined, caller?: Caller): ActiveCall {
    checkCallOptions(options);
    const target = { model: this.model, provider: "mock", method };
    const meter = new Meter(target, () => this.#options.usage?.cost ?? null, job, caller);
    const limit = new CallLimit({
      model: this.model,
      signals: [options.signal, job?.signal],
      timeoutMs: 0,
      onAbort: (reason) => meter.end(reason),
    });
    // A test's response may take any time.
    limit.pause();
    return { meter, limit };
  }

  async #answer(method: "complete" | "chat", prompt: Prompt, options: CallOptions): Promise<string> {
    return this.#call(this.#begin(method, options, currentJob()), () => this.#respond(method, prompt, options));
  }

  async *#words(prompt: Prompt, options: CallOptions, job: Job | undefined, caller: Caller) {
    const { meter, limit } = this.#begin("stream", options, job, caller);
    try {
      limit.signal.throwIfAborted();
      const answer = await unlessAborted(this.#respond("stream", prompt, options), limit.signal);
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

  /** Makes one call, which is aborted by signals, metered and reported like a real one. */
  async #call<T>({ meter, limit }: ActiveCall, answer: () => Promise<T>): Promise<T> {
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

  async #respond(method: MockCall["method"], given: Prompt, options: CallOptions): Promise<string> {
    checkPrompt(this.model, given);
    const messages = typeof given === "string" ? [] : given.map((message) => ({ ...message }));
    const prompt = typeof given === "string" ? given : (messages.at(-1)?.content ?? "");
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
    const message = `MockLLM has no responses left: it was given ${response.length}, but this is call ${this.#answered}.`;
    throw permanentFault("invalid_option", message);
  }
}

interface ActiveCall {
  readonly meter: Meter;
  readonly limit: CallLimit;
}
