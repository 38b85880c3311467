import { background, type JobQueue, type Task } from "rapidai/background";
import type { RAG } from "rapidai/rag";
import type { Summarizer } from "./summarizer.ts";

/** The result of processing a document. */
export interface ProcessedDocument {
  readonly filepath: string;
  readonly chunks: number;
  readonly summary: string;
  readonly userId: string;
}

export type ProcessDocument = Task<{ filepath: string; userId: string }, ProcessedDocument>;

/** What the task needs: the queue for its jobs, the RAG that reads and stores documents, and the summarizer. */
export interface ProcessDocumentNeeds {
  readonly queue?: JobQueue;
  readonly rag: Pick<RAG, "addDocument">;
  readonly summarizer: Summarizer;
}

// #region task
export function processDocumentWith({ queue, rag, summarizer }: ProcessDocumentNeeds): ProcessDocument {
  return background(
    { name: "process-document", maxRetries: 3, queue },
    async ({ filepath, userId }: { filepath: string; userId: string }) => {
      try {
        // Reads, splits and embeds the document, reports progress to the job, and stops when the job is cancelled.
        const chunks = await rag.addDocument(filepath);
        const summary = await summarizer.summarize(chunks);
        return { filepath, chunks: chunks.length, summary, userId };
      } catch (error) {
        // The cause decides whether the job is retried: for a busy model it is, for a document without text it is not.
        throw new Error(`Processing failed: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    },
  );
}
// #endregion
