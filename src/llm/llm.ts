import { AsyncLocalStorage } from "node:async_hooks";
import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import { unlessAborted } from "../background/core/unless-aborted.ts";
import { currentJob } from "../background/engine/current-job.ts";
import type { Job } from "../background/engine/job.ts";
import { CallLimit } from "./call-limit.ts";
import { checkCallOptions } from "./call-options.ts";
import type { LlmCall } from "./calls.ts";
import { batchFrom } from "./embedding-batch.ts";
import { inOrder } from "./embeddings.ts";
import type { CallOptions, ChatMessage, LLMClient } from "./llm-client.ts";
import { type Caller, Meter } from "./meter.ts";
import { type ModelObject, type ProviderName, providerNameOf } from "./model-name.ts";
import { calculateCost, PRICES, type Prices } from "./prices.ts";
import { checkPrompt, checkTexts, type Prompt } from "./prompt.ts";
import { type Provider, providerOfName, providerOfObject } from "./provider.ts";
import { cutOff, declined, failureOf, outOfTokens } from "./provider-error.ts";
import { hideKeys } from "./secrets.ts";
import { tokensIn, tokensOf, tokensOfEmbeddings, tokensOfFailed } from "./tokens.ts";

/** Settings of an {@link LLM}. */
export interface LLMOptions {
  /**
   * The API protocol, if the model's name does not imply it. `"openai-compatible"` is for servers that only offer the
   * chat completions API.
   */
  readonly provider?: ProviderName | undefined;
  /** The server's base URL, without query or fragment: `"http://localhost:11434/v1"`. Default: the provider's. */
  readonly baseURL?: string | undefined;
  /** Default: the environment variable `ANTHROPIC_API_KEY` or `OPENAI_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** System prompt of every call. Default: none. */
  readonly system?: string | undefined;
  /** Maximum length of an answer, in tokens. Default: the provider's. */
  readonly maxTokens?: number | undefined;
  /** Sampling temperature, from 0; higher values make answers more random. Default: the provider's. */
  readonly temperature?: number | undefined;
  /**
   * Longest wait for an answer, or for the next piece of a streamed one. Default: `"5m"`, at most one day. Node's
   * `fetch` waits at most five minutes for a response to begin, whatever is set here: use `stream` for long answers.
   */
  readonly timeout?: Duration | undefined;
  /** Replaces `PRICES`. */
  readonly prices?: Prices | undefined;
}

const OPTIONS = ["provider", "baseURL", "apiKey", "system", "maxTokens", "temperature", "timeout", "prices"] as const;
const PROVIDERS: readonly ProviderName[] = ["anthropic", "openai", "openai-compatible"];
const MAX_TIMEOUT_MS = 24 * 3_600_000;
/** Finish reasons of gateways, self-hosted servers and DeepSeek for an answer that failed midway, unknown to the AI SDK. */
const INTERRUPTED_REASONS: ReadonlySet<string> = new Set(["error", "abort", "insufficient_system_resource"]);

/**
 * A language model, chosen by name: `claude-…` is Anthropic's; `gpt-…`, `o1`, `o3` and `text-embedding-…` are OpenAI's.
 * Needs the package `ai`, and `@ai-sdk/anthropic` or `@ai-sdk/openai`, which the first call loads.
 *
 * Inside a job, the job's signal ends a call, and the call's tokens and cost are added to the job's `usage`, even if
 * the attempt fails later. Errors decide whether the job is retried, without any code of yours: a PermanentError if no
 * retry can help (a wrong key, an unknown model, a bad request), a RetryAfterError if the provider says how long to
 * wait, else a JobError (`llm_failed`, `llm_timeout`), which is retried after the backoff. A call itself is never
 * retried.
 *
 * @throws JobError `invalid_option` for an unknown option, or a name that implies no provider
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

  /** @param model a name, or a model object of any AI SDK provider */
  constructor(model: string | ModelObject, options: LLMOptions = {}) {
    checkOptions(options, OPTIONS, "options of LLM");
    const { baseURL, apiKey, maxTokens, timeout = "5m", prices = PRICES } = options;
    this.model = typeof model === "object" && model !== null ? model.modelId : model;
    if (typeof this.model !== "string" || this.model === "")
      throw new JobError("invalid_option", `LLM takes a model's name or a model of the AI SDK, not ${shown(model)}.`);
    if (baseURL !== undefined) checkUrl(baseURL);
    if (maxTokens !== undefined) wholeNumber(maxTokens, 1, "maxTokens option of LLM");
    this.#timeoutMs = Math.min(toMs(timeout, "timeout option of LLM"), MAX_TIMEOUT_MS);
    this.#options = options;
    this.#prices = prices;
    this.#provider =
      typeof model === "object"
        ? providerOfObject(model)
        : providerOfName(protocolOf(model, options.provider), model, { baseURL, apiKey });
  }

  /**
   * Answers a prompt.
   *
   * @throws PermanentError, RetryAfterError, JobError `llm_failed`, `llm_timeout`, `api_key_missing`, `package_missing`,
   * `invalid_option`
   * @example
   * ```ts
   * const title = await llm.complete(`A title of five words for:\n\n${text}`);
   * ```
   */
  complete(prompt: string, options: CallOptions = {}): Promise<string> {
    return this.#answer("complete", prompt, options);
  }

  /**
   * Answers with the next turn of a conversation. Throws what {@link complete} does.
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
   * Answers in pieces, as they arrive. Leaving the loop ends the call. Throws what {@link complete} does.
   *
   * @example
   * ```ts
   * for await (const piece of llm.stream("Tell me a story.")) process.stdout.write(piece);
   * ```
   */
  stream(prompt: string | readonly ChatMessage[], options: CallOptions = {}): AsyncGenerator<string, void> {
    // The job and context are captured now: the loop may run in another context, or never.
    return this.#pieces(prompt, options, currentJob(), AsyncLocalStorage.snapshot());
  }

  /**
   * Computes an embedding vector for each text, in order. Throws what {@link complete} does.
   *
   * @example
   * ```ts
   * const [vector] = await new LLM("text-embedding-3-small").embed(["a text"]);
   * ```
   */
  async embed(texts: readonly string[], options: CallOptions = {}): Promise<number[][]> {
    checkTexts(this.model, texts);
    const vectors: number[][] = [];
    // One call at a time, so that the usage of each is recorded even if the next one fails.
    while (vectors.length < texts.length)
      vectors.push(...(await this.#embed(batchFrom(texts, vectors.length), options)));
    return vectors;
  }

  #begin(method: LlmCall["method"], options: CallOptions, job: Job | undefined, caller?: Caller): Call {
    checkCallOptions(options);
    const target = { model: this.model, provider: this.#provider.name, method };
    const meter = new Meter(target, (tokens) => calculateCost(this.model, tokens, this.#prices), job, caller);
    const limit = new CallLimit({
      model: this.model,
      signals: [options.signal, job?.signal],
      timeoutMs: this.#timeoutMs,
      onAbort: (reason) => meter.end(reason),
    });
    return { meter, limit };
  }

  async #answer(method: "complete" | "chat", prompt: Prompt, options: CallOptions) {
    return this.#call(this.#begin(method, options, currentJob()), async ({ meter, limit }) => {
      const [ai, model] = await Promise.all([this.#provider.ai(), this.#provider.language()]);
      limit.signal.throwIfAborted();
      const answer = await ai.generateText({ model, ...this.#request(prompt), abortSignal: limit.signal });
      meter.markBilled();
      meter.update(tokensOf(answer.usage));
      this.#checkEnd(answer.finishReason, answer.rawFinishReason, answer.text !== "");
      return answer.text;
    });
  }

  async *#pieces(prompt: Prompt, options: CallOptions, job: Job | undefined, caller: Caller) {
    const call = this.#begin("stream", options, job, caller);
    const { meter, limit } = call;
    try {
      limit.signal.throwIfAborted();
      const [ai, model] = await Promise.all([this.#provider.ai(), this.#provider.language()]);
      limit.signal.throwIfAborted();
      const { stream } = ai.streamText({
        model,
        ...this.#request(prompt),
        abortSignal: limit.signal,
        include: { rawChunks: true },
        // Errors arrive as parts of the stream too; the default handler would print them.
        onError: () => {},
      });
      let hasText = false;
      for await (const part of stream) {
        // Parts buffered before an abort may still arrive.
        limit.signal.throwIfAborted();
        limit.renew();
        if (part.type === "raw") meter.update(tokensIn(part.rawValue, meter.tokens));
        // Reasoning is billed too.
        else if (part.type === "reasoning-start") meter.markBilled();
        else if (part.type === "error") throw part.error;
        else if (part.type === "text-delta" && part.text !== "") {
          hasText = true;
          meter.markBilled();
          limit.pause();
          yield part.text;
          limit.renew();
        } else if (part.type === "finish") {
          meter.update(tokensOf(part.totalUsage));
          this.#checkEnd(part.finishReason, part.rawFinishReason, hasText);
        }
      }
    } catch (error) {
      throw this.#failed(error, call);
    } finally {
      // Also when the loop was left early: what arrived until then is billed.
      meter.end();
      limit.release();
    }
  }

  /** Embeds the first texts: as many as the model accepts in one call. */
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
      meter.markBilled();
      meter.update(tokensOfEmbeddings(answer.usage.tokens));
      return inOrder(answer.embeddings, answer.responses?.map((response) => response?.body) ?? []);
    });
  }

  /** Makes one call, measured and limited. */
  async #call<T>(call: Call, ask: (call: Call) => Promise<T>): Promise<T> {
    try {
      call.limit.signal.throwIfAborted();
      // A model object may ignore the signal.
      const answer = await unlessAborted(ask(call), call.limit.signal);
      call.meter.end();
      return answer;
    } catch (error) {
      throw this.#failed(error, call);
    } finally {
      call.limit.release();
    }
  }

  #failed(error: unknown, { meter, limit }: Call): unknown {
    // The abort is the cause, whatever error the aborted call ended with.
    if (limit.signal.aborted) return limit.signal.reason;
    meter.update(tokensOfFailed(error));
    hideKeys(error, this.#provider.keys);
    const failure = failureOf(error, this.#target, Date.now());
    meter.end(failure);
    return failure;
  }

  #checkEnd(reason: string, raw: string | undefined, hasText: boolean): void {
    // Without a finish reason from the provider, the stream broke off before its end.
    const isCutOff = reason === "other" && (raw === undefined || INTERRUPTED_REASONS.has(raw));
    if (isCutOff || reason === "interrupted" || reason === "error") throw cutOff(this.#target);
    if (reason === "content-filter" && !hasText) throw declined(this.#target);
    if (reason === "length" && !hasText) throw outOfTokens(this.#target);
  }

  #request(prompt: Prompt) {
    const { system, maxTokens, temperature } = this.#options;
    checkPrompt(this.model, prompt);
    return {
      ...(typeof prompt === "string" ? { prompt } : { messages: [...prompt], allowSystemInMessages: true }),
      ...(system !== undefined && { instructions: system }),
      ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }),
      ...(temperature !== undefined && { temperature }),
      // Retrying is the queue's job: it waits without occupying a slot, and survives a restart.
      maxRetries: 0,
    };
  }

  get #target(): { model: string; keySource: string } {
    return { model: this.model, keySource: this.#provider.keySource };
  }
}

interface Call {
  readonly meter: Meter;
  readonly limit: CallLimit;
}

function protocolOf(model: string, provider: ProviderName | undefined): ProviderName {
  const name = provider ?? providerNameOf(model);
  if (name !== undefined && PROVIDERS.includes(name)) return name;
  throw new JobError(
    "invalid_option",
    `LLM cannot tell which provider the model ${shown(model)} belongs to: set the provider option to one of ${PROVIDERS.join(", ")}, or pass a model of the AI SDK.`,
  );
}

function checkUrl(text: string): void {
  const url = URL.parse(text);
  // A URL ends up in messages and logs, so it must hold no secret; and no path can be appended after a query or fragment.
  const isPlain = url !== null && [url.username, url.password, url.search, url.hash].every((part) => part === "");
  if (isPlain && /^https?:$/.test(url.protocol)) return;
  throw new JobError(
    "invalid_option",
    "The baseURL option of LLM must be an http or https address without user, password, query or fragment: put the key in apiKey. For a server that needs a query, such as Azure's, pass a model object of the AI SDK.",
  );
}
