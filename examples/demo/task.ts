import { join } from "node:path";
import type { JobQueue } from "rapidai/background";
import { RAG, sqliteVectors } from "rapidai/rag";
import { type ProcessDocument, processDocumentWith } from "../document-processing/process-document.ts";
import { type Summarizer, summarizerOf } from "../document-processing/summarizer.ts";
import { distantEmbedder } from "./embedder.ts";
import { Storage } from "./storage.ts";

/** What each process of the demo sets up: the example's task, on the queue and files that all of them share. */
export interface Demonstration {
  readonly processDocument: ProcessDocument;
  readonly storage: Storage;
  readonly rag: RAG;
  readonly summarizer: Summarizer;
}

export function demonstrationIn(folder: string, queue: JobQueue): Demonstration {
  const storage = new Storage(join(folder, "documents"));
  const store = sqliteVectors({ path: join(folder, "vectors.db") });
  const rag = new RAG({ root: storage.folder, store, embedder: distantEmbedder() });
  const summarizer = summarizerOf(process.env);
  const fromStorage: Pick<RAG, "addDocument"> = {
    addDocument: async (filepath) => {
      await storage.ask(String(filepath));
      return rag.addDocument(filepath);
    },
  };
  return { processDocument: processDocumentWith({ queue, rag: fromStorage, summarizer }), storage, rag, summarizer };
}
