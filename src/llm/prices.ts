/** A model's price, in US dollars per million tokens. */
export interface ModelPrice {
  readonly input: number;
  /** 0 for an embedding model. */
  readonly output: number;
  /** Input read from the provider's cache. Default: `input`. */
  readonly cacheRead?: number | undefined;
  /** Input written to the provider's cache. Default: `input`. */
  readonly cacheWrite?: number | undefined;
  /** Replaces the other prices for a call with more than `above` input tokens. */
  readonly longPrompt?: (Omit<ModelPrice, "longPrompt" | "source" | "asOf"> & { readonly above: number }) | undefined;
  /** URL of the provider's price list. */
  readonly source?: string | undefined;
  /** The date on which the price was looked up: `"2026-11-25"`. */
  readonly asOf?: string | undefined;
}

/** Prices by model name. A model's price also applies to its dated snapshots, unless they have entries of their own. */
export type Prices = Readonly<Record<string, ModelPrice>>;

/** The tokens that one call used. */
export interface TokenUsage {
  /** All input, cached or not. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The part of the input that was read from the provider's cache. Default: 0. */
  readonly cacheReadTokens?: number | undefined;
  /** The part of the input that was written to the provider's cache. Default: 0. */
  readonly cacheWriteTokens?: number | undefined;
}

const ANTHROPIC = { source: "https://platform.claude.com/docs/en/about-claude/pricing", asOf: "2026-11-25" } as const;
const OPENAI = { source: "https://developers.openai.com/api/docs/models", asOf: "2026-11-25" } as const;

/** Anthropic's cache prices are the same multiples of the input price for most models; `more` has the exceptions. */
function claude(input: number, output: number, more?: Partial<ModelPrice>): ModelPrice {
  return Object.freeze({ input, output, cacheRead: input * 0.1, cacheWrite: input * 1.25, ...more, ...ANTHROPIC });
}

function openai(input: number, output: number, cacheRead?: number, more?: Partial<ModelPrice>): ModelPrice {
  return Object.freeze({ input, output, cacheRead, ...more, ...OPENAI });
}

/** OpenAI's newest models: cache writes cost 1.25 times the input; with a long prompt, input costs 2 and output 1.5 times. */
function openaiLong(input: number, output: number, cacheRead: number): ModelPrice {
  const short = { input, output, cacheRead, cacheWrite: input * 1.25 };
  const long = { input: 2 * input, output: 1.5 * output, cacheRead: 2 * cacheRead, cacheWrite: 2.5 * input };
  return openai(input, output, cacheRead, { ...short, longPrompt: { above: 272_000, ...long } });
}

/**
 * Pay-as-you-go prices of known models, each with its source and date. Prices change and contracts differ: pass a table
 * of your own to `LLM`, or extend this one.
 *
 * @example
 * ```ts
 * const llm = new LLM("my-model", { prices: { ...PRICES, "my-model": { input: 0.1, output: 0.4 } } });
 * ```
 */
export const PRICES: Prices = Object.freeze({
  "claude-fable-5-1": claude(10, 50, { cacheRead: 0.25 }),
  "claude-fable-5": claude(10, 50),
  "claude-opus-5-5": claude(4, 20, { cacheRead: 0.2 }),
  "claude-opus-5": claude(5, 25),
  "claude-opus-4-8": claude(5, 25),
  "claude-opus-4-7": claude(5, 25),
  "claude-opus-4-6": claude(5, 25),
  "claude-opus-4-5": claude(5, 25),
  "claude-opus-4-1": claude(15, 75),
  "claude-opus-4-0": claude(15, 75),
  "claude-opus-4": claude(15, 75),
  "claude-sonnet-5-5": claude(2, 10, { cacheRead: 0.1 }),
  "claude-sonnet-5": claude(2, 10),
  "claude-sonnet-4-6": claude(3, 15),
  "claude-sonnet-4-5": claude(3, 15),
  "claude-sonnet-4-0": claude(3, 15),
  "claude-sonnet-4": claude(3, 15),
  "claude-haiku-5-5": claude(0.1, 0.5, {
    longPrompt: { above: 100_000, input: 0.5, output: 2.5, cacheRead: 0.05, cacheWrite: 0.625 },
  }),
  "claude-haiku-4-5": claude(1, 5),
  "claude-3-7-sonnet": claude(3, 15),
  "claude-3-5-sonnet": claude(3, 15),
  "claude-3-5-haiku": claude(0.8, 4),
  "claude-3-opus": claude(15, 75),
  "claude-3-haiku": claude(0.25, 1.25, { cacheRead: 0.03, cacheWrite: 0.3 }),
  "gpt-6-astra": openaiLong(10, 50, 1),
  "gpt-6-luna": openaiLong(0.1, 0.5, 0.01),
  "gpt-5.6-luna": openaiLong(0.2, 1.2, 0.02),
  "gpt-5.4-mini": openai(0.75, 4.5, 0.075),
  "gpt-5.4-nano": openai(0.2, 1.25, 0.02),
  "gpt-5.2": openai(1.75, 14, 0.175),
  "gpt-5.1": openai(1.25, 10, 0.125),
  "gpt-5": openai(1.25, 10, 0.125),
  "gpt-5-mini": openai(0.25, 2, 0.025),
  "gpt-5-nano": openai(0.05, 0.4, 0.005),
  "gpt-4.1": openai(2, 8, 0.5),
  "gpt-4.1-mini": openai(0.4, 1.6, 0.1),
  "gpt-4.1-nano": openai(0.1, 0.4, 0.025),
  "gpt-4o": openai(2.5, 10, 1.25),
  "gpt-4o-2024-05-13": openai(5, 15),
  "gpt-4o-mini": openai(0.15, 0.6, 0.075),
  o1: openai(15, 60, 7.5),
  "o4-mini": openai(1.1, 4.4, 0.275),
  "text-embedding-3-small": openai(0.02, 0),
  "text-embedding-3-large": openai(0.13, 0),
  "text-embedding-ada-002": openai(0.1, 0),
});

const MILLION = 1_000_000;
/** `-20240307`, `-2024-08-06`, `-latest`: a snapshot costs what its model does, unless the table has an entry for it. */
const SNAPSHOT = /-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/;

/**
 * The cost of a call in US dollars; `null`, never 0, for a model whose price is unknown.
 *
 * @param model its name, with or without a snapshot's date
 * @param usage the tokens of a single call: long prompts may have a higher price, so sums over calls give wrong costs
 * @param prices replaces {@link PRICES}
 * @example
 * ```ts
 * calculateCost("claude-3-haiku-20240307", { inputTokens: 1_000_000, outputTokens: 100_000 }); // 0.375
 * calculateCost("made-up", { inputTokens: 1, outputTokens: 1 }); // null
 * ```
 */
export function calculateCost(model: string, usage: TokenUsage, prices: Prices = PRICES): number | null {
  const price = priceOf(model, prices);
  if (price === undefined) return null;
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage;
  const { longPrompt } = price;
  const rates = longPrompt !== undefined && inputTokens > longPrompt.above ? longPrompt : price;
  const { input, output, cacheRead = input, cacheWrite = input } = rates;
  const plainTokens = inputTokens - cacheReadTokens - cacheWriteTokens;
  const cost =
    plainTokens * input + cacheReadTokens * cacheRead + cacheWriteTokens * cacheWrite + outputTokens * output;
  return Number.isFinite(cost) && cost >= 0 ? cost / MILLION : null;
}

function priceOf(model: string, prices: Prices): ModelPrice | undefined {
  const name = [model, model.replace(SNAPSHOT, "")].find((each) => Object.hasOwn(prices, each));
  return name === undefined ? undefined : prices[name];
}
