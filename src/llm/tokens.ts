import type { LanguageModelUsage } from "ai";
import type { TokenUsage } from "./prices.ts";

/** Tokens as the AI SDK sums them up; `null` when the provider told none. */
export function tokensOf(usage: LanguageModelUsage): TokenUsage | null {
  const { inputTokens, outputTokens, inputTokenDetails } = usage;
  return tokens(inputTokens, outputTokens, inputTokenDetails?.cacheReadTokens, inputTokenDetails?.cacheWriteTokens);
}

/** Tokens of embeddings; NaN stands for none told. */
export function tokensOfEmbeddings(count: number): TokenUsage | null {
  return tokens(count, 0);
}

interface Chunk {
  readonly type?: unknown;
  readonly usage?: RawUsage;
  /** Anthropic's, at the beginning. */
  readonly message?: { readonly usage?: RawUsage };
  /** OpenAI's, at the end, also of an answer that failed. */
  readonly response?: { readonly usage?: RawUsage };
}

interface RawUsage {
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
  readonly input_tokens_details?: { readonly cached_tokens?: unknown };
}

/**
 * What one piece of a stream tells, in the provider's own words: the AI SDK sums up at the end alone, which a stream
 * that is cut or left never reaches.
 */
export function tokensIn(chunk: unknown, before: TokenUsage | null): TokenUsage | null {
  if (typeof chunk !== "object" || chunk === null) return before;
  const { type, usage, message, response } = chunk as Chunk;
  if (type === "message_start" && message?.usage) {
    const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = message.usage;
    const [read, written] = [count(cache_read_input_tokens) ?? 0, count(cache_creation_input_tokens) ?? 0];
    // Here what was cached is not part of the input.
    const input = (count(input_tokens) ?? Number.NaN) + read + written;
    return tokens(input, count(output_tokens) ?? 0, read, written) ?? before;
  }
  if (type === "message_delta" && before !== null) {
    return { ...before, outputTokens: count(usage?.output_tokens) ?? before.outputTokens };
  }
  const used = response?.usage;
  if (!used) return before;
  return tokens(used.input_tokens, used.output_tokens, used.input_tokens_details?.cached_tokens) ?? before;
}

/** What a stream that failed tells: OpenAI's, whose last piece the AI SDK throws when there was no text before it. */
export function tokensOfFailed(error: unknown): TokenUsage | null {
  return tokensIn((error as { readonly data?: unknown } | null)?.data, null);
}

function tokens(input: unknown, output: unknown, read?: unknown, written?: unknown): TokenUsage | null {
  const [inputTokens, outputTokens] = [count(input), count(output)];
  // Half of it would make a cost that looks like the whole.
  if (inputTokens === null || outputTokens === null) return null;
  return {
    inputTokens,
    outputTokens,
    cacheReadTokens: count(read) ?? 0,
    cacheWriteTokens: count(written) ?? 0,
  };
}

/** Whatever comes from a server may be anything. */
function count(given: unknown): number | null {
  return Number.isSafeInteger(given) && (given as number) >= 0 ? (given as number) : null;
}
