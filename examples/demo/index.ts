// Starts a service and a worker, sends documents over HTTP, watches their jobs, kills the worker in the midst of one, and
// checks what came of them: `npm run demo`.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyzeDocumentOn } from "./analyze-document.ts";
import { Archive } from "./archive.ts";
import { Client } from "./client.ts";
import { displayFor } from "./display.ts";
import { type Document, documents } from "./documents.ts";
import { disappointments } from "./expectations.ts";
import { isShared, queueAt, queueUrl } from "./queue.ts";
import { serviceOf } from "./service.ts";
import { seconds } from "./state.ts";
import { tableOf } from "./table.ts";
import { watch } from "./watch.ts";
import { Workers } from "./workers.ts";

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

const folder = mkdtempSync(join(tmpdir(), "rapidai-demo-"));
const url = queueUrl(folder);
const texts = documents(isShared(url));
const display = displayFor(process.stdout, texts.length);
const startedAt = performance.now();

const archive = new Archive(folder);
const queue = queueAt(url, false);
const app = serviceOf(queue, analyzeDocumentOn(queue, archive), archive);
const server = await app.run({ port: 0, grace: "500ms" });
const workers = isShared(url) ? new Workers(url, folder) : null;
try {
  const client = new Client(server.url, interrupt.signal);
  const uploaded = new Map<string, Document>();
  for (const document of texts) uploaded.set(await client.upload(document), document);
  const jobs = new Map<string, Document>();
  for (const [documentId, document] of uploaded) jobs.set(await client.analyze(documentId), document);
  console.log(`${jobs.size} documents are uploaded, and each is a job now. Three run at a time.\n`);

  const kill = async () => workers?.killAndReplace();
  const sent = await watch(client, jobs, { show: (now) => display.show(now), kill, signal: interrupt.signal });
  display.end();
  console.log(`\n${tableOf(sent, process.stdout.columns || 160)}\n`);

  for (const { document, job } of sent) {
    if (document.killAt === 1) continue;
    console.log(
      `The worker was killed in the midst of "${document.name}"; the next one finished it on attempt ${job.attempts}.`,
    );
  }
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
  await workers?.end();
  await server.close();
  await queue.close();
  rmSync(folder, { recursive: true, force: true });
}
