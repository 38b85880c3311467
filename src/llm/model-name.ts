// Kept apart from provider.ts: programs without the AI SDK installed need these types to resolve.

/** The API protocol in which a model is called. */
export type ProviderName = "anthropic" | "openai" | "openai-compatible";

/** A model object of any AI SDK provider. Declared here because the package is optional. */
export interface ModelObject {
  readonly modelId: string;
  readonly provider: string;
  readonly specificationVersion: string;
}

/** The provider that a model's name implies. */
export function providerNameOf(model: string): ProviderName | undefined {
  if (/^claude/i.test(model)) return "anthropic";
  return /^(gpt-|chatgpt-|o\d|text-embedding-)/i.test(model) ? "openai" : undefined;
}
