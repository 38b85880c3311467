// The program of the thread that reads documents, so that slow or hostile ones cannot block or harm the main thread.
import { answerCalls } from "../thread-calls.ts";
import type { ReadRequest } from "./request.ts";

// While repairing a document, the PDF library leaves unhandled rejections behind, which would end the thread during this
// document or the next one. Only the result of the call counts.
process.on("unhandledRejection", () => {});

answerCalls<ReadRequest>(async ({ kind, content, what }) => {
  switch (kind) {
    case "html":
      return (await import("./html.ts")).readHtml(content);
    case "pdf":
      return (await import("./pdf.ts")).readPdf(content, what);
    case "docx":
      return (await import("./docx.ts")).readDocx(content, what);
  }
});
