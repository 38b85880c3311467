import { LLM, type LLMClient } from "rapidai";
import { type Chunk, extractiveSummary } from "rapidai/rag";

/** Puts a document in short. */
export interface Summarizer {
  /** How its summaries come about, for whoever reads them. */
  readonly name: string;
  summarize(chunks: readonly Chunk[]): Promise<string>;
}

const MODELS = { ANTHROPIC_API_KEY: "claude-haiku-4-5", OPENAI_API_KEY: "gpt-5-mini" } as const;

/** A language model where the environment has a key for one; else sentences of the document itself, and it says so. */
export function summarizerOf(environment: NodeJS.ProcessEnv): Summarizer {
  for (const [key, model] of Object.entries(MODELS)) {
    if (environment[key]) return languageModel(new LLM(environment.RAPIDAI_MODEL || model));
  }
  return EXTRACTIVE;
}

function languageModel(llm: LLMClient): Summarizer {
  return {
    name: llm.model,
    summarize: ([first]) =>
      llm.complete(`Summarize this document in two sentences:\n\n${first?.content.slice(0, 1_000) ?? ""}`),
  };
}

/** Enough to find what a document is about, and short enough to be read in no time. */
const MAX_CHARACTERS = 100_000;

const EXTRACTIVE: Summarizer = {
  name: "extractive: sentences of the document itself, no language model",
  summarize: async (chunks) => {
    let text = "";
    for (const { content } of chunks) {
      if (text.length > MAX_CHARACTERS) break;
      text += `${content}\n\n`;
    }
    return extractiveSummary(text, { sentences: 2 });
  },
};
