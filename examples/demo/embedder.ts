import { setTimeout } from "node:timers/promises";
import { type Embedder, lexicalEmbedder } from "rapidai/rag";

/** What a model across a network takes for a batch at the least. Without it a fast machine is done before there is anything to see. */
const BATCH_MS = 15;

/** The package's own embedder, in the time of one that is far away. */
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
