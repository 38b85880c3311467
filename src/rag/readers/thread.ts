// The program of the thread that reads documents: what is slow there holds nobody up, and what is hostile stays there.
import { answerCalls } from "../thread-calls.ts";
import type { ReadRequest } from "./request.ts";

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
