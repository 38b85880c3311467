// Starts a service and a worker, sends documents over HTTP, watches their jobs, kills the worker in the middle of one,
// checks the results and asks a question about the documents: `npm run demo`.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "./client.ts";
import { displayFor } from "./display.ts";
import { type Document, documents } from "./documents.ts";
import { disappointments } from "./expectations.ts";
import { isShared, queueAt, queueUrl } from "./queue.ts";
import { serviceOf } from "./service.ts";
import { seconds } from "./state.ts";
import { tableOf } from "./table.ts";
import { demonstrationIn } from "./task.ts";
import { watch } from "./watch.ts";
import { Workers } from "./workers.ts";

const QUESTION = "Who may have a job after its lease ran out?";

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

const folder = mkdtempSync(join(tmpdir(), "rapidai-demo-"));
mkdirSync(join(folder, "documents"));
const url = queueUrl(folder);
const files = await documents(isShared(url));
const display = displayFor(process.stdout, files.length);
const startedAt = performance.now();

const queue = queueAt(url, false);
const demonstration = demonstrationIn(folder, queue);
const server = await serviceOf(queue, demonstration).run({ port: 0, grace: "500ms" });
const workers = isShared(url) ? new Workers(url, folder) : null;
try {
  const client = new Client(server.url, interrupt.signal);
  const jobs = new Map<string, Document>();
  for (const document of files) jobs.set(await client.process(await client.upload(document)), document);
  console.log(`${jobs.size} documents were uploaded, and each is now a job. Three run at a time.`);
  console.log(`Summaries: ${demonstration.summarizer.name}.\n`);

  const kill = async () => workers?.killAndReplace();
  const sent = await watch(client, jobs, { show: (now) => display.show(now), kill, signal: interrupt.signal });
  display.end();
  console.log(`\n${tableOf(sent, process.stdout.columns || 160)}\n`);

  for (const { document, job } of sent) {
    if (document.killAt === 1) continue;
    console.log(
      `The worker was killed while processing "${document.name}"; the next one finished it on attempt ${job.attempts}.`,
    );
  }
  console.log(`\n${QUESTION} (matched by words, not by meaning)`);
  for (const { content, score, source } of await client.passages(QUESTION)) {
    console.log(`  ${score.toFixed(2)}  ${source}: ${content.replaceAll(/\s+/g, " ").slice(0, 100)} …`);
  }
  console.log();
  const problems = disappointments(sent);
  for (const problem of problems) console.error(`Unexpected: ${problem}.`);
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
