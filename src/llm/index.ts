export { type LlmCall, onLlmCall } from "./calls.ts";
export { LLM, type LLMOptions } from "./llm.ts";
export type { CallOptions, ChatMessage, LLMClient } from "./llm-client.ts";
export type { ModelObject, ProviderName } from "./model-name.ts";
export { calculateCost, type ModelPrice, PRICES, type Prices, type TokenUsage } from "./prices.ts";
