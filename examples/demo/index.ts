// Starts a service, sends it documents over HTTP, watches their jobs, and checks what came of them: `npm run demo`.

import { Client } from "./client.ts";
import { displayFor } from "./display.ts";
import { type Document, documents } from "./documents.ts";
import { disappointments } from "./expectations.ts";
import { app } from "./service.ts";
import { seconds } from "./state.ts";
import { tableOf } from "./table.ts";
import { watch } from "./watch.ts";

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

const texts = documents();
const display = displayFor(process.stdout, texts.length);
const startedAt = performance.now();
const server = await app.run({ port: 0, grace: "500ms" });
try {
  const client = new Client(server.url, interrupt.signal);
  const uploaded = new Map<string, Document>();
  for (const document of texts) uploaded.set(await client.upload(document), document);
  const jobs = new Map<string, Document>();
  for (const [documentId, document] of uploaded) jobs.set(await client.analyze(documentId), document);
  console.log(`${jobs.size} documents are uploaded, and each is a job now. Three run at a time.\n`);

  const sent = await watch(client, jobs, (now) => display.show(now), interrupt.signal);
  display.end();
  console.log(`\n${tableOf(sent, process.stdout.columns || 160)}\n`);

  const problems = disappointments(sent);
  for (const problem of problems) console.error(`Not as expected: ${problem}.`);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`All as expected, in ${seconds((performance.now() - startedAt) / 1_000)}.`);
} catch (error) {
  display.end();
  if (!interrupt.signal.aborted) throw error;
  console.log("\nInterrupted.");
  process.exitCode = 130;
} finally {
  await server.close();
}
