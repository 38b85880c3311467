import { LLM, type LLMClient } from "rapidai";
import { type Chunk, extractiveSummary } from "rapidai/rag";

/** Summarizes a document. */
export interface Summarizer {
  /** How the summaries are made, to be shown to readers. */
  readonly name: string;
  summarize(chunks: readonly Chunk[]): Promise<string>;
}

const MODELS = { ANTHROPIC_API_KEY: "claude-haiku-4-5", OPENAI_API_KEY: "gpt-5-mini" } as const;

/** Uses a language model if the environment has a key for one; otherwise picks sentences of the document itself. */
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

/** Enough to show what a document is about, and quick to read. */
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
