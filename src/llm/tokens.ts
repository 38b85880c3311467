import type { LanguageModelUsage } from "ai";
import type { TokenUsage } from "./prices.ts";

/** Tokens as totalled by the AI SDK; `null` when the provider reported none. */
export function tokensOf(usage: LanguageModelUsage): TokenUsage | null {
  const { inputTokens, outputTokens, inputTokenDetails } = usage;
  return tokens(inputTokens, outputTokens, inputTokenDetails?.cacheReadTokens, inputTokenDetails?.cacheWriteTokens);
}

/** Tokens of an embedding call; `count` is NaN when none were reported. */
export function tokensOfEmbeddings(count: number): TokenUsage | null {
  return tokens(count, 0);
}

interface Chunk {
  readonly type?: unknown;
  readonly usage?: RawUsage;
  /** Anthropic's, at the start of the stream. */
  readonly message?: { readonly usage?: RawUsage };
  /** OpenAI's, at the end of the stream, also of a failed one. */
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
 * Tokens reported by one raw chunk of a stream. The AI SDK only totals them at the end, which a stream that is cut off
 * or left early never reaches.
 */
export function tokensIn(chunk: unknown, before: TokenUsage | null): TokenUsage | null {
  if (typeof chunk !== "object" || chunk === null) return before;
  const { type, usage, message, response } = chunk as Chunk;
  if (type === "message_start" && message?.usage) {
    const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = message.usage;
    const [read, written] = [count(cache_read_input_tokens) ?? 0, count(cache_creation_input_tokens) ?? 0];
    // Anthropic does not include cached tokens in input_tokens.
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

/** Tokens of a failed OpenAI stream: if it had no text, the AI SDK throws its last chunk as the error's data. */
export function tokensOfFailed(error: unknown): TokenUsage | null {
  return tokensIn((error as { readonly data?: unknown } | null)?.data, null);
}

function tokens(input: unknown, output: unknown, read?: unknown, written?: unknown): TokenUsage | null {
  const [inputTokens, outputTokens] = [count(input), count(output)];
  // A cost of half the tokens would look like the whole cost.
  if (inputTokens === null || outputTokens === null) return null;
  return {
    inputTokens,
    outputTokens,
    cacheReadTokens: count(read) ?? 0,
    cacheWriteTokens: count(written) ?? 0,
  };
}

/** A server may send anything as a count. */
function count(given: unknown): number | null {
  return Number.isSafeInteger(given) && (given as number) >= 0 ? (given as number) : null;
}
