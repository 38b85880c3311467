// Apart from what loads the packages: those who have none of them see these types.

/** Which protocol a model is spoken to in. */
export type ProviderName = "anthropic" | "openai" | "openai-compatible";

/** A model of the AI SDK's, from any of its providers. Said in our own words: the package is optional. */
export interface ModelObject {
  readonly modelId: string;
  readonly provider: string;
  readonly specificationVersion: string;
}

/** The provider that a model's name tells. */
export function providerOf(model: string): ProviderName | undefined {
  if (/^claude/i.test(model)) return "anthropic";
  return /^(gpt-|chatgpt-|o\d|text-embedding-)/i.test(model) ? "openai" : undefined;
}
