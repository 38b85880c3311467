// Answers questions about documents: finds the passages that fit, and streams a language model's answer based on them.

import { App, LLM } from "rapidai";
import { RAG } from "rapidai/rag";
import { tour } from "./tour.ts";

const app = new App();

// #region ask-documents
const rag = new RAG();
const llm = process.env.ANTHROPIC_API_KEY ? new LLM("claude-haiku-4-5") : null;

app.get("/ask", async function* ({ question }, { signal }) {
  const passages = await rag.retrieve(String(question), { topK: 3, signal });
  yield { sources: passages.map(({ metadata }) => `${metadata.source}, line ${metadata.line}`) };
  if (llm === null) {
    yield { note: "No API key for a language model is set: these are the passages themselves." };
    for (const { content } of passages) yield { passage: content };
    return;
  }
  const context = passages.map(({ content }) => content).join("\n\n");
  const prompt = `Answer using only these passages: ${question}\n\n${context}`;
  // The signal ends the model's work when the client disconnects, also while no text has come yet.
  for await (const text of llm.stream(prompt, { signal })) yield { text };
});
// #endregion

const documents = new URL("./document-processing/documents/", import.meta.url);
for (const name of ["leases.html", "backoff.md"])
  await rag.addDocument({ path: new URL(name, documents), source: name });

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });
await tour(server, async () => {
  const response = await fetch(`${server.url}/ask?question=What+is+a+fencing+token+for`);
  console.log(`\nGET /ask → ${response.status} ${response.headers.get("content-type")}\n${await response.text()}`);
});
