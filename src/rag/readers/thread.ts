// The program of the thread that reads documents: what is slow there holds nobody up, and what is hostile stays there.
import { answerCalls } from "../thread-calls.ts";
import type { ReadRequest } from "./request.ts";

// Of what it mends in a document the library of PDFs leaves rejections that nobody hears: by them alone the thread would end,
// with this document or the next. What it answers counts.
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
