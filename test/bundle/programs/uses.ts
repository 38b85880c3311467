// What a bundled program may do with the library. Each use prints a line: what it gave, or the error's code and message.

import { writeFileSync } from "node:fs";
import { App, LLM } from "rapidai";
import { background, InMemoryQueue, type JobQueue, RedisQueue, SqliteQueue } from "rapidai/background";
import { dashboard } from "rapidai/http";
import { getCollector } from "rapidai/monitoring";
import { RAG, sqliteVectors } from "rapidai/rag";

const [folder = ".", redisUrl] = process.argv.slice(2);

async function use(name: string, what: () => unknown): Promise<void> {
  try {
    console.log(`${name}: ${await what()}`);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    console.log(`${name}: ${code} ${message}`);
  }
}

function doubles(queue: JobQueue): () => Promise<unknown> {
  return async () => {
    try {
      const double = background({ queue, name: "double" }, async (n: number) => 2 * n);
      return (await double.queue.wait(await double.enqueue(21))).result;
    } finally {
      await queue.close();
    }
  };
}

async function answers(): Promise<unknown> {
  const queue = new InMemoryQueue({ worker: false });
  const app = new App();
  app.get("/health", () => ({ status: "ok" }));
  app.mount("/dashboard", dashboard({ queue, basePath: "/dashboard" }));
  const paths = ["/health", "/dashboard/", "/dashboard/api/jobs"];
  const responses = await Promise.all(paths.map((path) => app.fetch(new Request(`http://localhost${path}`))));
  await queue.close();
  return responses.map(({ status }) => status);
}

async function reads(rag: RAG, name: string, text: string): Promise<unknown> {
  writeFileSync(`${folder}/${name}`, text);
  await rag.addDocument(`${folder}/${name}`);
  return (await rag.retrieve("cats", { topK: 1 })).map((chunk) => chunk.content).join();
}

async function main(): Promise<void> {
  // Counts from now on.
  const collector = getCollector();
  await use("memory", doubles(new InMemoryQueue()));
  await use("sqlite", doubles(new SqliteQueue({ path: `${folder}/a.db`, thread: false })));
  await use("sqlite on a thread", doubles(new SqliteQueue({ path: `${folder}/b.db` })));
  if (redisUrl !== undefined) await use("redis", doubles(new RedisQueue({ url: redisUrl })));
  await use("app", answers);
  // Nobody listens there; that is told once all that asking takes is loaded.
  const nobody = { apiKey: "none", baseURL: "http://127.0.0.1:1/v1" };
  await use("model", () => new LLM("claude-haiku-4-5", nobody).complete("Hello."));
  await use("metrics", () => /^rapidai_jobs_completed_total\{.*\} [1-9]/m.test(collector.prometheus()));
  const rag = new RAG();
  await use("text", () => reads(rag, "a.txt", "Cats purr."));
  await use("html", () => reads(rag, "a.html", "<p>Cats purr.</p>"));
  await use("vectors", () =>
    reads(new RAG({ store: sqliteVectors({ path: `${folder}/v.db` }) }), "a.txt", "Cats purr."),
  );
  await rag.close();
}

void main();
