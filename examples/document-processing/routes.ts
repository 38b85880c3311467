import { App, type AppOptions } from "rapidai";
import type { ProcessDocument } from "./process-document.ts";

/** Two routes: one accepts a document, the other reports its status. */
export function appFor(processDocument: ProcessDocument, options: AppOptions = {}): App {
  // #region routes
  const app = new App(options);

  app.route("/upload", { methods: ["POST"] }, async ({ filepath, userId }) => {
    if (typeof filepath !== "string" || typeof userId !== "string")
      return [{ error: "filepath and userId are required" }, 400];
    const jobId = await processDocument.enqueue({ filepath, userId });
    return { jobId, message: "Document processing started", statusUrl: `/jobs/${jobId}` };
  });

  app.route("/jobs/:jobId", { methods: ["GET"] }, async ({ jobId }) => {
    const job = await processDocument.getResult(jobId);
    if (job === null) return [{ error: "Job not found" }, 404];

    const { status, attempts, progress, estimatedCompletion, usage } = job;
    const response = { jobId, status, attempts, progress, estimatedCompletion, usage };
    if (job.status === "completed") return { ...response, result: job.result, duration: job.duration };
    if (job.status === "failed") return { ...response, error: job.error };
    return response;
  });
  // #endregion
  return app;
}
