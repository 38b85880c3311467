import { setTimeout } from "node:timers/promises";
import { type Embedder, lexicalEmbedder } from "rapidai/rag";

/** The least that a remote model takes for a batch. Without it, a fast machine finishes before anything can be seen. */
const BATCH_MS = 15;

/** The package's own embedder, as slow as a remote one. */
export function distantEmbedder(): Embedder {
  const embedder = lexicalEmbedder();
  return {
    name: embedder.name,
    embed: async (texts, options) => {
      await setTimeout(BATCH_MS, undefined, options);
      return embedder.embed(texts, options);
    },
  };
}
