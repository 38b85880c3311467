import { setTimeout } from "node:timers/promises";
import { App } from "rapidai";
import { background } from "rapidai/background";
import { tour } from "./tour.ts";

const app = new App();

const importCustomers = background(async function importCustomers({ rows }: { rows: number }, job) {
  for (let row = 1; row <= rows; row++) {
    await setTimeout(10, undefined, { signal: job.signal });
    job.progress({ done: row, total: rows, message: `row ${row} of ${rows}` });
  }
  return { imported: rows };
});

app.post("/imports/:rows", async ({ rows }) => ({ jobId: await importCustomers.enqueue({ rows: Number(rows) }) }));

// #region status-endpoint
app.get("/jobs/:jobId", async ({ jobId }) => {
  const job = await importCustomers.getResult(jobId);
  if (job === null) return [{ error: "Job not found" }, 404];

  const { status, progress, estimatedCompletion } = job;
  return { jobId, status, progress, estimatedCompletion };
});
// #endregion

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });

await tour(server, async (call) => {
  const { jobId } = await call("POST /imports/60");
  await setTimeout(300);
  await call(`GET /jobs/${jobId}`);
  await importCustomers.wait(jobId);
  await call(`GET /jobs/${jobId}`);
});
