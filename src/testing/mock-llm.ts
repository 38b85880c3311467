import { PermanentError } from "../background/core/endings.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Usage } from "../background/core/store.ts";
import { currentJob, type Job } from "../background/engine/job.ts";
import { type LlmCall, tellCall } from "../llm/calls.ts";
import type { CallOptions, ChatMessage, LLMClient } from "../llm/llm-client.ts";
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
  /** What each call uses: recorded on the job at hand, as `LLM` does. Default: nothing is recorded. */
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

  async complete(prompt: string, options: CallOptions = {}): Promise<string> {
    return this.#answer({ method: "complete", prompt, messages: [], texts: [], options }, currentJob());
  }

  async chat(messages: readonly ChatMessage[], options: CallOptions = {}): Promise<string> {
    return this.#answer({ ...conversation(messages), method: "chat", texts: [], options }, currentJob());
  }

  /** The answer word by word. */
  stream(prompt: string | readonly ChatMessage[], options: CallOptions = {}): AsyncGenerator<string, void> {
    const asked = typeof prompt === "string" ? { prompt, messages: [] } : conversation(prompt);
    return this.#words({ ...asked, method: "stream", texts: [], options }, currentJob());
  }

  /** Vectors of length 1: the same for the same text, and close to one another for texts that share words. */
  async embed(texts: readonly string[], options: CallOptions = {}): Promise<number[][]> {
    const call: MockCall = { method: "embed", prompt: "", messages: [], texts: [...texts], options };
    return this.#made(call, currentJob(), async () => texts.map((text) => embeddingOf(text, this.#dimensions)));
  }

  async *#words(call: MockCall, job: Job | undefined): AsyncGenerator<string, void> {
    for (const word of (await this.#answer(call, job)).match(/\s*\S+\s*/g) ?? []) {
      throwIfAborted(call, job);
      yield word;
    }
  }

  #answer(call: MockCall, job: Job | undefined): Promise<string> {
    return this.#made(call, job, async () => {
      const response = await this.#next(call);
      if (response instanceof Error) throw response;
      return response;
    });
  }

  /** A call from its beginning to its end: noted, ended by signals, recorded and told as a real one is. */
  async #made<T>(call: MockCall, job: Job | undefined, answer: () => Promise<T>): Promise<T> {
    const startedAt = new Date();
    const begunAtMs = performance.now();
    this.#calls.push(call);
    const end = (error: unknown): void => {
      const { inputTokens = 0, outputTokens = 0, cost = null } = (error === null && this.#options.usage) || {};
      const about = { model: this.model, method: call.method, jobId: job?.id ?? null, task: job?.task ?? null };
      const durationMs = performance.now() - begunAtMs;
      tellCall({ ...about, inputTokens, outputTokens, cost, startedAt, durationMs, error } satisfies LlmCall);
    };
    try {
      throwIfAborted(call, job);
      const value = await answer();
      throwIfAborted(call, job);
      if (this.#options.usage !== undefined) job?.recordUsage(this.#options.usage);
      end(null);
      return value;
    } catch (error) {
      end(error);
      throw error;
    }
  }

  #next(call: MockCall): MockResponse | Promise<MockResponse> {
    const { response = "mock response" } = this.#options;
    if (typeof response === "function") return response(call);
    if (typeof response === "string" || response instanceof Error) return response;
    const next = response[this.#answered++];
    if (next !== undefined) return next;
    const message = `MockLLM has no response left: it was given ${response.length}, and this is call ${this.#answered}.`;
    throw new JobError("invalid_option", message, { cause: new PermanentError(message) });
  }
}

function conversation(messages: readonly ChatMessage[]): Pick<MockCall, "prompt" | "messages"> {
  return { prompt: messages.at(-1)?.content ?? "", messages: messages.map((message) => ({ ...message })) };
}

function throwIfAborted({ options }: MockCall, job: Job | undefined): void {
  options.signal?.throwIfAborted();
  job?.signal.throwIfAborted();
}
