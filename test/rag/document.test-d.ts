import type { RAG } from "rapidai/rag";
import { test } from "vitest";

declare const rag: RAG;

test("a document is a path or content, and what belongs to one of them does not go with the other", () => {
  void rag.addDocument({ path: "uploads/3f2a", type: "markdown", source: "notes.md" });
  void rag.addDocument({ content: new Uint8Array(), name: "notes.md", path: undefined });
  // @ts-expect-error a file has its name already
  void rag.addDocument({ path: "uploads/3f2a", name: "notes.md" });
  // @ts-expect-error which of the two is it?
  void rag.addDocument({ path: "uploads/3f2a", content: "# Notes" });
});

test("a filter has values to compare with, of which undefined is none: it would match everybody's documents", () => {
  void rag.retrieve("", { filter: { customer: "acme", language: ["en", null], tier: 1 as 1 | 2 } });
  // @ts-expect-error whose documents?
  void rag.retrieve("", { filter: { customer: undefined as string | undefined } });
  // @ts-expect-error all of them?
  void rag.removeMatching();
});
