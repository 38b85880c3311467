import { App } from "rapidai";
import type { JobQueue } from "rapidai/background";
import type { AnalyzeDocument } from "./analyze-document.ts";
import type { Archive } from "./archive.ts";

/** The default of 1 MiB is meant for requests that are not whole documents. */
const BODY_LIMIT = 32 * 1_048_576;

export function serviceOf(queue: JobQueue, analyzeDocument: AnalyzeDocument, archive: Archive): App {
  const app = new App({ bodyLimit: BODY_LIMIT });

  app.post("/documents", async ({ failures }, { request }) => {
    const documentId = await archive.store(await request.text(), Number(failures ?? 0));
    return [{ documentId }, 201];
  });

  app.post("/documents/:documentId/analysis", async ({ documentId }) => {
    return [{ jobId: await analyzeDocument.enqueue({ documentId }) }, 202];
  });

  app.get("/jobs", async () => ({ jobs: await queue.listJobs({ task: analyzeDocument.name }) }));

  app.post("/jobs/:jobId/cancel", async ({ jobId }) => {
    const isCancelled = await analyzeDocument.cancel(jobId, { by: "demo" });
    return isCancelled ? { status: "cancelled" } : [{ error: "Job not found or already completed" }, 404];
  });
  return app;
}
