import { AsyncLocalStorage } from "node:async_hooks";
import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import { currentJob, type Job } from "../background/engine/job.ts";
import { CallLimit } from "./call-limit.ts";
import type { LlmCall } from "./calls.ts";
import { inOrder } from "./embeddings.ts";
import type { CallOptions, ChatMessage, LLMClient } from "./llm-client.ts";
import { type Caller, Meter } from "./meter.ts";
import { type ModelObject, type ProviderName, providerOf } from "./model-name.ts";
import { calculateCost, PRICES, type Prices } from "./prices.ts";
import { checkPrompt, checkTexts, type Prompt } from "./prompt.ts";
import { handedIn, named, type Provider } from "./provider.ts";
import { cutOff, declined, failureOf, outOfTokens } from "./provider-error.ts";
import { hideKeys } from "./secrets.ts";
import { tokensIn, tokensOf, tokensOfEmbeddings, tokensOfFailed } from "./tokens.ts";

/** Settings of an {@link LLM}. */
export interface LLMOptions {
  /** The protocol to speak, where the model's name does not tell; `"openai-compatible"` for servers that know chat completions alone. */
  readonly provider?: ProviderName | undefined;
  /** The server, with its path's beginning and nothing behind that: `"http://localhost:11434/v1"`. Default: the provider's own. */
  readonly baseURL?: string | undefined;
  /** Default: the environment variable `ANTHROPIC_API_KEY` or `OPENAI_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** Said before every conversation. */
  readonly system?: string | undefined;
  /** Longest answer, in tokens. Default: the provider's. */
  readonly maxTokens?: number | undefined;
  /** How freely the model chooses its words, from 0 on. Default: the provider's. */
  readonly temperature?: number | undefined;
  /** Longest wait for an answer, or for the next piece of a streamed one; default `"5m"`. Node's `fetch` waits no longer for the beginning of an answer, whatever is set here: stream long ones. */
  readonly timeout?: Duration | undefined;
  /** Takes the place of {@link PRICES}. */
  readonly prices?: Prices | undefined;
}

const OPTIONS = ["provider", "baseURL", "apiKey", "system", "maxTokens", "temperature", "timeout", "prices"] as const;
const PROVIDERS: readonly ProviderName[] = ["anthropic", "openai", "openai-compatible"];
const MAX_TIMEOUT_MS = 24 * 3_600_000;
const EMBEDDINGS_AT_ONCE = 2_048;
/** What gateways, servers of one's own and DeepSeek say of an answer that failed midway, and the AI SDK does not know. */
const BROKEN_OFF: ReadonlySet<string> = new Set(["error", "abort", "insufficient_system_resource"]);

/**
 * A language model, by its name: `claude-…` is Anthropic's, `gpt-…`, `o1`, `o3` and `text-embedding-…` are OpenAI's.
 * Needs the package `ai`, and `@ai-sdk/anthropic` or `@ai-sdk/openai`; they are loaded by the first call.
 *
 * Inside a job, its signal ends a call, and what a call used is added to the job's `usage`, also when the attempt fails
 * later. Errors say what should become of the job, so that no code of yours has to: a PermanentError where no retry
 * can help (a wrong key, an unknown model, a bad request), a RetryAfterError where the provider says how long to wait, else a
 * JobError (`llm_failed`, `llm_timeout`) that is retried after the backoff. Nothing is retried behind the queue's back.
 *
 * @throws JobError `invalid_option` for an unknown option, or a name that tells no provider
 * @example
 * ```ts
 * const llm = new LLM("claude-haiku-4-5");
 *
 * export const summarize = background(async function summarize(text: string) {
 *   return llm.complete(`Summarize in two sentences:\n\n${text}`);
 * });
 * ```
 */
export class LLM implements LLMClient {
  /** The model's name. */
  readonly model: string;
  readonly #options: LLMOptions;
  readonly #timeoutMs: number;
  readonly #prices: Prices;
  readonly #provider: Provider;

  /** @param model a name, or a model object of any provider of the AI SDK */
  constructor(model: string | ModelObject, options: LLMOptions = {}) {
    checkOptions(options, OPTIONS, "options of LLM");
    const { baseURL, apiKey, maxTokens, timeout = "5m", prices = PRICES } = options;
    this.model = typeof model === "object" && model !== null ? model.modelId : model;
    if (typeof this.model !== "string" || this.model === "")
      throw new JobError(
        "invalid_option",
        `LLM takes a model's name or a model of the AI SDK, and not ${shown(model)}.`,
      );
    if (baseURL !== undefined) checkUrl(baseURL);
    if (maxTokens !== undefined) wholeNumber(maxTokens, 1, "maxTokens option of LLM");
    this.#timeoutMs = Math.min(toMs(timeout, "timeout option of LLM"), MAX_TIMEOUT_MS);
    this.#options = options;
    this.#prices = prices;
    this.#provider =
      typeof model === "object" ? handedIn(model) : named(chosen(model, options.provider), model, { baseURL, apiKey });
  }

  /**
   * The answer to a prompt.
   *
   * @throws PermanentError, RetryAfterError, JobError `llm_failed`, `llm_timeout`, `api_key_missing`, `package_missing`
   * @example
   * ```ts
   * const title = await llm.complete(`A title of five words for:\n\n${text}`);
   * ```
   */
  complete(prompt: string, options: CallOptions = {}): Promise<string> {
    return this.#answer("complete", prompt, options);
  }

  /**
   * The next turn of a conversation; throws what {@link complete} does.
   *
   * @example
   * ```ts
   * const answer = await llm.chat([
   *   { role: "system", content: "Answer in French." },
   *   { role: "user", content: "How are you?" },
   * ]);
   * ```
   */
  chat(messages: readonly ChatMessage[], options: CallOptions = {}): Promise<string> {
    return this.#answer("chat", messages, options);
  }

  /**
   * The answer in pieces, as they come; leaving the loop ends the call. Throws what {@link complete} does.
   *
   * @example
   * ```ts
   * for await (const piece of llm.stream("Tell me a story.")) process.stdout.write(piece);
   * ```
   */
  stream(prompt: string | readonly ChatMessage[], options: CallOptions = {}): AsyncGenerator<string, void> {
    // Whose call it is is settled now: the loop may run elsewhere, or never.
    return this.#pieces(prompt, options, currentJob(), AsyncLocalStorage.snapshot());
  }

  /**
   * A vector for each text, in order; throws what {@link complete} does.
   *
   * @example
   * ```ts
   * const [vector] = await new LLM("text-embedding-3-small").embed(["a text"]);
   * ```
   */
  async embed(texts: readonly string[], options: CallOptions = {}): Promise<number[][]> {
    checkTexts(this.model, texts);
    const vectors: number[][] = [];
    // One call at a time, so that what each used is known whatever becomes of the next.
    while (vectors.length < texts.length)
      vectors.push(...(await this.#embed(texts.slice(vectors.length, vectors.length + EMBEDDINGS_AT_ONCE), options)));
    return vectors;
  }

  #begin(method: LlmCall["method"], { signal }: CallOptions, job: Job | undefined, caller?: Caller): Begun {
    const asked = { model: this.model, provider: this.#provider.name, method };
    const meter = new Meter(asked, (tokens) => calculateCost(this.model, tokens, this.#prices), job, caller);
    const limit = new CallLimit({
      model: this.model,
      signals: [signal, job?.signal],
      timeoutMs: this.#timeoutMs,
      onAbort: (reason) => meter.end(reason),
    });
    return { meter, limit };
  }

  async #answer(method: "complete" | "chat", prompt: Prompt, options: CallOptions) {
    const begun = this.#begin(method, options, currentJob());
    return this.#call(begun, async ({ meter, limit }) => {
      const [ai, model] = await Promise.all([this.#provider.ai(), this.#provider.language()]);
      limit.signal.throwIfAborted();
      const answer = await ai.generateText({ model, ...this.#request(prompt), abortSignal: limit.signal });
      meter.answered();
      meter.told(tokensOf(answer.usage));
      this.#checkEnd(answer.finishReason, answer.rawFinishReason, answer.text !== "");
      return answer.text;
    });
  }

  async *#pieces(prompt: Prompt, options: CallOptions, job: Job | undefined, caller: Caller) {
    const begun = this.#begin("stream", options, job, caller);
    const { meter, limit } = begun;
    try {
      limit.signal.throwIfAborted();
      const [ai, model] = await Promise.all([this.#provider.ai(), this.#provider.language()]);
      limit.signal.throwIfAborted();
      const { stream } = ai.streamText({
        model,
        ...this.#request(prompt),
        abortSignal: limit.signal,
        include: { rawChunks: true },
        // It comes as a part too; by itself it would be printed.
        onError: () => {},
      });
      let hasText = false;
      for await (const part of stream) {
        // What came before an abort may be here still.
        limit.signal.throwIfAborted();
        limit.renew();
        if (part.type === "raw") meter.told(tokensIn(part.rawValue, meter.tokens));
        // Thinking is on the bill too.
        else if (part.type === "reasoning-start") meter.answered();
        else if (part.type === "error") throw part.error;
        else if (part.type === "text-delta" && part.text !== "") {
          hasText = true;
          meter.answered();
          limit.hold();
          yield part.text;
          limit.renew();
        } else if (part.type === "finish") {
          meter.told(tokensOf(part.totalUsage));
          this.#checkEnd(part.finishReason, part.rawFinishReason, hasText);
        }
      }
    } catch (error) {
      throw this.#failed(error, begun);
    } finally {
      // Also when the loop was left: what came until then is on the bill.
      meter.end();
      limit.release();
    }
  }

  /** As many of them, from the first on, as the model takes at once. */
  async #embed(texts: readonly string[], options: CallOptions): Promise<number[][]> {
    return this.#call(this.#begin("embed", options, currentJob()), async ({ meter, limit }) => {
      const [ai, model] = await Promise.all([this.#provider.ai(), this.#provider.embedding()]);
      limit.signal.throwIfAborted();
      const values = texts.slice(0, (await model.maxEmbeddingsPerCall) || texts.length);
      const answer = await ai.embedMany({
        model,
        values,
        maxRetries: 0,
        maxParallelCalls: 1,
        abortSignal: limit.signal,
      });
      meter.answered();
      meter.told(tokensOfEmbeddings(answer.usage.tokens));
      return inOrder(answer.embeddings, answer.responses?.map((response) => response?.body) ?? []);
    });
  }

  /** One call from its beginning to its end, measured and bounded. */
  async #call<T>(begun: Begun, ask: (begun: Begun) => Promise<T>): Promise<T> {
    try {
      begun.limit.signal.throwIfAborted();
      const answer = await ask(begun);
      begun.meter.end();
      return answer;
    } catch (error) {
      throw this.#failed(error, begun);
    } finally {
      begun.limit.release();
    }
  }

  #failed(error: unknown, { meter, limit }: Begun): unknown {
    // What ended the call is why it failed, whatever it says itself.
    if (limit.signal.aborted) return limit.signal.reason;
    meter.told(tokensOfFailed(error));
    hideKeys(error, this.#provider.keys);
    const failure = failureOf(error, this.#asked, Date.now());
    meter.end(failure);
    return failure;
  }

  #checkEnd(reason: string, raw: string | undefined, hasText: boolean): void {
    // Neither a provider's word for why it ended nor the AI SDK's: the stream ended without its end.
    const isCutOff = reason === "other" && (raw === undefined || BROKEN_OFF.has(raw));
    if (isCutOff || reason === "interrupted" || reason === "error") throw cutOff(this.#asked);
    if (reason === "content-filter" && !hasText) throw declined(this.#asked);
    if (reason === "length" && !hasText) throw outOfTokens(this.#asked);
  }

  #request(prompt: Prompt) {
    const { system, maxTokens, temperature } = this.#options;
    checkPrompt(this.model, prompt);
    return {
      ...(typeof prompt === "string" ? { prompt } : { messages: [...prompt], allowSystemInMessages: true }),
      ...(system !== undefined && { instructions: system }),
      ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }),
      ...(temperature !== undefined && { temperature }),
      // Retries are the queue's: it waits without holding a slot, and survives a restart.
      maxRetries: 0,
    };
  }

  get #asked(): { model: string; keySource: string } {
    return { model: this.model, keySource: this.#provider.keySource };
  }
}

interface Begun {
  readonly meter: Meter;
  readonly limit: CallLimit;
}

function chosen(model: string, provider: ProviderName | undefined): ProviderName {
  const name = provider ?? providerOf(model);
  if (name !== undefined && PROVIDERS.includes(name)) return name;
  throw new JobError(
    "invalid_option",
    `LLM cannot tell whose model ${shown(model)} is: set the provider option to ${PROVIDERS.join(", ")}, or hand in a model of the AI SDK.`,
  );
}

function checkUrl(text: string): void {
  const url = URL.parse(text);
  // Whatever is in an address ends up in messages and logs, and behind a query or fragment no path can follow.
  const isPlain = url !== null && [url.username, url.password, url.search, url.hash].every((part) => part === "");
  if (isPlain && /^https?:$/.test(url.protocol)) return;
  throw new JobError(
    "invalid_option",
    "The baseURL option of LLM must be an http or https address without user, password, query or fragment: the key belongs into apiKey, and a server that needs a query, as Azure's does, is a model object of the AI SDK.",
  );
}
