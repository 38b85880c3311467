import { LLM, type LLMOptions, type Prices } from "rapidai";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type ModelServer, type ModelServerInit, startModelServer } from "./wire/model-server.ts";

/** A model of each provider's protocol, with a price that is easy to reckon with: a dollar a token in, ten out. */
export const MODELS: readonly (readonly [string, string, LLMOptions])[] = [
  ["Anthropic's messages", "claude-haiku-4-5", {}],
  ["OpenAI's responses", "gpt-test", {}],
  ["chat completions", "local-test", { provider: "openai-compatible" }],
];

const PRICE = { input: 1_000_000, output: 10_000_000 };
const PRICES: Prices = {
  "claude-haiku-4-5": PRICE,
  "gpt-test": PRICE,
  "local-test": PRICE,
  "text-embedding-test": PRICE,
};
export const KEY: string = "sk-test-0123456789abcdef";

/** A server for all tests of a file, without what one test planned left for the next. */
export function modelServer(init?: ModelServerInit): { readonly at: ModelServer } {
  let server: ModelServer;
  beforeAll(async () => {
    server = await startModelServer(init);
    // On a busy machine that takes longer than any test is patient for.
    await Promise.all([import("ai"), import("@ai-sdk/anthropic"), import("@ai-sdk/openai")]);
  }, 120_000);
  afterEach(() => server.reset());
  afterAll(() => server.close());
  return {
    get at() {
      return server;
    },
  };
}

export function llmAt(server: { readonly at: ModelServer }, model: string, options: LLMOptions = {}): LLM {
  return new LLM(model, { baseURL: server.at.url, apiKey: KEY, prices: PRICES, ...options });
}

export async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}
