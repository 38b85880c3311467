import type * as OpenTelemetry from "@opentelemetry/api";
import type { LlmCall } from "../llm/calls.ts";

/** The conventions' names of AI SDK providers where they differ, by prefix of the AI SDK's name. The first match counts. */
const PROVIDER_NAMES = [
  ["amazon-bedrock", "aws.bedrock"],
  ["bedrock", "aws.bedrock"],
  ["azure", "azure.ai.openai"],
  ["google.vertex", "gcp.vertex_ai"],
  ["vertex", "gcp.vertex_ai"],
  ["google", "gcp.gemini"],
  ["mistral", "mistral_ai"],
  ["moonshotai", "moonshot_ai"],
  ["xai", "x_ai"],
] as const;

/** Attributes by the semantic conventions for generative AI (https://github.com/open-telemetry/semantic-conventions-genai). */
export function modelAttributes({ model, provider, method }: LlmCall): OpenTelemetry.Attributes {
  return {
    "gen_ai.operation.name": operationOf(method),
    "gen_ai.provider.name": providerNameOf(provider),
    "gen_ai.request.model": model,
  };
}

/** Tokens by type. The conventions forbid guessing counts that the provider did not report; an embedding has no output. */
export function reportedTokens({
  method,
  inputTokens,
  outputTokens,
}: LlmCall): (readonly ["input" | "output", number])[] {
  const known: (readonly ["input" | "output", number])[] = [];
  if (inputTokens !== null) known.push(["input", inputTokens]);
  if (outputTokens !== null && method !== "embed") known.push(["output", outputTokens]);
  return known;
}

export function operationOf(method: LlmCall["method"]): string {
  return method === "embed" ? "embeddings" : "chat";
}

function providerNameOf(provider: string): string {
  const known = PROVIDER_NAMES.find(([start]) => provider.startsWith(start));
  // In "openai.chat", the part after the dot is the provider's API.
  return known?.[1] ?? provider.replace(/\..*$/s, "");
}
