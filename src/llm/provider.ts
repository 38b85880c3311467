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

/** Where the models of one name come from. Nothing is loaded before they are asked for. */
export interface Provider {
  /** What it is called where calls are told of. */
  readonly name: string;
  /** The environment variable that its key is taken from. */
  readonly keySource: string;
  /** The AI SDK itself. */
  ai(): Promise<Ai>;
  language(): Promise<Language>;
  embedding(): Promise<Embedding>;
  /** What must not be shown. */
  readonly keys: readonly string[];
}

const KEY_SOURCES = {
  anthropic: "ANTHROPIC_API_KEY",
  openai: "OPENAI_API_KEY",
  "openai-compatible": "OPENAI_API_KEY",
} as const;

/** Most of an answer, in MiB: a stream of all the tokens that there can be has some 40. */
const MAX_ANSWER_MIB = 64;
/** As many of the longest vectors as go into one call have some 140. */
const MAX_EMBEDDINGS_MIB = 256;

export function named(provider: ProviderName, model: string, settings: ProviderSettings): Provider {
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
      // A line end, as files of secrets have it, is not sent, and not repeated either.
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

export function handedIn(model: ModelObject): Provider {
  return {
    // Objects that somebody made by hand may lack it.
    name: model.provider ?? "unknown",
    keySource: "its key",
    keys: [],
    ai: () => loadAi(model.modelId, ["ai"]),
    language: async () => {
      if (!("doGenerate" in model)) throw cannot(model, "embeddings alone: take a language model to complete and chat");
      return model as Language;
    },
    embedding: async () => {
      if (!("doEmbed" in model)) throw cannot(model, "text alone: take an embedding model to embed");
      return model as unknown as Embedding;
    },
  };
}

function keyOr(provider: ProviderName, model: string, key: string | undefined): string {
  if (key) return key;
  // Servers of one's own often ask for none.
  if (provider === "openai-compatible") return "none";
  const message = `There is no key for ${model}: set ${KEY_SOURCES[provider]}, or the apiKey option of LLM.`;
  throw permanentFault("api_key_missing", message);
}

/** Loaded now, so that only who uses a provider needs its package. */
async function loadAi(model: string, packages: readonly string[]): Promise<Ai> {
  // Written so: what a bundler finds within a try may be missing.
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
  // All of them, so that the other one is not missing next.
  return permanentFault("package_missing", packageFault(model, [name], error, packages), error);
}

function withoutEmbeddings(model: string): JobError {
  const message = `${model} gives no embeddings: take a model that does, such as new LLM("text-embedding-3-small").`;
  return permanentFault("invalid_option", message);
}

function cannot({ modelId }: ModelObject, what: string): JobError {
  return permanentFault("invalid_option", `${modelId} gives ${what}.`);
}
