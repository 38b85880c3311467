// Documents come in over HTTP and are processed in the background: `npm run example:document-processing`.

import { fileURLToPath } from "node:url";
import { RAG } from "rapidai/rag";
import { tour } from "../tour.ts";
import { processDocumentWith } from "./process-document.ts";
import { appFor } from "./routes.ts";
import { summarizerOf } from "./summarizer.ts";

// #region document-processing
// A request can name only files in this folder.
const rag = new RAG({ root: fileURLToPath(new URL("./documents", import.meta.url)) });
const summarizer = summarizerOf(process.env);
const processDocument = processDocumentWith({ rag, summarizer });

const server = await appFor(processDocument).run({ port: Number(process.env.PORT ?? 8000) });
// #endregion

console.log(`Summaries: ${summarizer.name}.`);
await tour(server, async (call) => {
  for (const filepath of ["leases.html", "backoff.md", "missing.pdf"]) {
    const { jobId } = await call("POST /upload", { filepath, userId: "u1" });
    await processDocument.wait(jobId);
    await call(`GET /jobs/${jobId}`);
  }
});
