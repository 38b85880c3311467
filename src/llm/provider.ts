import type { EmbeddingModel, LanguageModel } from "ai";
import { permanentFault } from "../background/core/endings.ts";
import type { JobError } from "../background/core/errors.ts";
import { packageFault } from "../background/core/package-fault.ts";
import { guardedFetch } from "./guarded-fetch.ts";
import type { ModelObject, ProviderName } from "./model-name.ts";

export interface ProviderSettings {
  readonly baseURL: string | undefined;
  readonly apiKey: string | undefined;
}

type Ai = typeof import("ai");
type Language = Exclude<LanguageModel, string>;
type Embedding = Exclude<EmbeddingModel, string>;

/** Gives access to one model. The AI SDK's packages are loaded by the first call of a method. */
export interface Provider {
  /** The `provider` of recorded calls. */
  readonly name: string;
  /** The environment variable that holds the API key. */
  readonly keySource: string;
  /** The AI SDK itself. */
  ai(): Promise<Ai>;
  language(): Promise<Language>;
  embedding(): Promise<Embedding>;
  /** Secrets that must not appear in errors. */
  readonly keys: readonly string[];
}

const KEY_SOURCES = {
  anthropic: "ANTHROPIC_API_KEY",
  openai: "OPENAI_API_KEY",
  "openai-compatible": "OPENAI_API_KEY",
} as const;

/** Longest answer: a stream with the most tokens that models write takes about 40 MiB. */
const MAX_ANSWER_MIB = 64;
/** Longest response to an embedding call: the most and longest vectors of one call take about 140 MiB. */
const MAX_EMBEDDINGS_MIB = 256;

export function providerOfName(provider: ProviderName, model: string, settings: ProviderSettings): Provider {
  const keySource = KEY_SOURCES[provider];
  const key = (): string | undefined => settings.apiKey ?? process.env[keySource];
  const packages = ["ai", provider === "anthropic" ? "@ai-sdk/anthropic" : "@ai-sdk/openai"];
  const options = (maxMib: number) => ({
    apiKey: keyOr(provider, model, key()),
    fetch: guardedFetch(maxMib),
    ...(settings.baseURL && { baseURL: settings.baseURL }),
  });
  return {
    name: provider,
    keySource,
    get keys() {
      // Secret files often end in a newline, which is not sent, so that a server cannot repeat it.
      return [String(key() ?? "").trim()].filter((each) => each.length > 3);
    },
    ai: () => loadAi(model, packages),
    language: async () => {
      if (provider === "anthropic")
        return (await loadAnthropic(model, packages)).createAnthropic(options(MAX_ANSWER_MIB))(model);
      const openai = (await loadOpenAI(model, packages)).createOpenAI(options(MAX_ANSWER_MIB));
      return provider === "openai" ? openai(model) : openai.chat(model);
    },
    embedding: async () => {
      if (provider === "anthropic") throw withoutEmbeddings(model);
      return (await loadOpenAI(model, packages)).createOpenAI(options(MAX_EMBEDDINGS_MIB)).embedding(model);
    },
  };
}

export function providerOfObject(model: ModelObject): Provider {
  return {
    // Hand-made objects may lack it.
    name: model.provider ?? "unknown",
    keySource: "its key",
    keys: [],
    ai: () => loadAi(model.modelId, ["ai"]),
    language: async () => {
      if (!("doGenerate" in model)) throw cannot(model, "only embeddings: to complete or chat, use a language model");
      return model as Language;
    },
    embedding: async () => {
      if (!("doEmbed" in model)) throw cannot(model, "only text: to embed, use an embedding model");
      return model as unknown as Embedding;
    },
  };
}

function keyOr(provider: ProviderName, model: string, key: string | undefined): string {
  if (key) return key;
  // Self-hosted servers often need no key.
  if (provider === "openai-compatible") return "none";
  const message = `The API key for ${model} is not set: set ${KEY_SOURCES[provider]}, or the apiKey option of LLM.`;
  throw permanentFault("api_key_missing", message);
}

/** Loaded on demand, so that only users of a provider need its package. */
async function loadAi(model: string, packages: readonly string[]): Promise<Ai> {
  // An import within `try` is optional to bundlers, so a missing package does not fail the build.
  try {
    return await import("ai");
  } catch (error) {
    throw missing("ai", packages, model, error);
  }
}

async function loadAnthropic(model: string, packages: readonly string[]): Promise<typeof import("@ai-sdk/anthropic")> {
  try {
    return await import("@ai-sdk/anthropic");
  } catch (error) {
    throw missing("@ai-sdk/anthropic", packages, model, error);
  }
}

async function loadOpenAI(model: string, packages: readonly string[]): Promise<typeof import("@ai-sdk/openai")> {
  try {
    return await import("@ai-sdk/openai");
  } catch (error) {
    throw missing("@ai-sdk/openai", packages, model, error);
  }
}

function missing(name: string, packages: readonly string[], model: string, error: unknown): JobError {
  // Names all packages, so that installing them does not lead to the next error.
  return permanentFault("package_missing", packageFault(model, [name], error, packages), error);
}

function withoutEmbeddings(model: string): JobError {
  const message = `${model} does not provide embeddings: use a model that does, such as new LLM("text-embedding-3-small").`;
  return permanentFault("invalid_option", message);
}

function cannot({ modelId }: ModelObject, what: string): JobError {
  return permanentFault("invalid_option", `${modelId} provides ${what}.`);
}
