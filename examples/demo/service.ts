import type { App } from "rapidai";
import type { JobQueue } from "rapidai/background";
import { appFor } from "../document-processing/routes.ts";
import type { Demonstration } from "./task.ts";

/** A single file name, with nothing that leads to another folder. */
const NAME = /^[\w-][\w. -]{0,100}$/;

/** The routes of the example, and those that the demo needs besides. */
export function serviceOf(queue: JobQueue, { processDocument, storage, rag }: Demonstration): App {
  const app = appFor(processDocument, { bodyLimit: 32 * 1_048_576 });

  app.put("/documents/:name", async ({ name, failures }, { request }) => {
    if (!NAME.test(name)) return [{ error: "The name of the document is not valid." }, 400];
    await storage.store(name, new Uint8Array(await request.arrayBuffer()), Number(failures ?? 0));
    return [{ filepath: name }, 201];
  });

  app.get("/jobs", async () => ({ jobs: await queue.listJobs({ task: processDocument.name }) }));

  app.post("/jobs/:jobId/cancel", async ({ jobId }) => {
    const isCancelled = await processDocument.cancel(jobId, { by: "demo" });
    return isCancelled ? { status: "cancelled" } : [{ error: "Job not found or already completed" }, 404];
  });

  app.get("/passages", async ({ question }) => {
    // The texts among the documents, not the source code.
    const filter = { type: ["markdown", "html", "pdf", "docx"] };
    const passages = await rag.retrieve(String(question), { topK: 3, filter });
    return { passages: passages.map(({ content, score, metadata }) => ({ content, score, source: metadata.source })) };
  });
  return app;
}
