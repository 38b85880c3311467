import { setTimeout } from "node:timers/promises";
import { App } from "rapidai";
import { background, InMemoryQueue, PermanentError } from "rapidai/background";
import { dashboard } from "rapidai/http";

const queue = new InMemoryQueue();

const importFile = background({ queue, maxRetries: 1 }, async function importFile({ file }: { file: string }, job) {
  if (file.endsWith(".exe")) throw new PermanentError(`${file} is not a table.`);
  for (let done = 1; done <= 20; done++) {
    await setTimeout(Number(process.env.STEP_MS ?? 5), undefined, { signal: job.signal });
    job.progress({ done, total: 20, message: `row ${done}` });
  }
  return { file, rows: 20 };
});

// #region dashboard
const app = new App();
app.mount("/dashboard", dashboard({ queue, basePath: "/dashboard" }));

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });
console.log(`Dashboard: ${server.url}/dashboard`);
// #endregion

const jobIds = await importFile.enqueueMany([{ file: "customers.csv" }, { file: "orders.csv" }, { file: "virus.exe" }]);
for (const jobId of jobIds) console.log((await importFile.wait(jobId)).status);

if (!process.argv.includes("--serve")) {
  // Any program can request what the page requests.
  const counts = await fetch(`${server.url}/dashboard/api/counts`);
  console.log(((await counts.json()) as { byStatus: object }).byStatus);
  const page = await fetch(`${server.url}/dashboard`);
  console.log(page.status, page.headers.get("content-type"));
  await server.close();
  await queue.close();
}
