import { setTimeout } from "node:timers/promises";
import { App } from "rapidai";
import { background } from "rapidai/background";
import { tour } from "./tour.ts";

const app = new App();

const exportReport = background(async function exportReport({ year }: { year: number }, job) {
  for (let page = 1; page <= 100; page++) {
    // Passing on the job's signal stops the work as well: here, in fetch, or in a database client.
    await setTimeout(50, undefined, { signal: job.signal });
    job.progress({ done: page, total: 100 });
  }
  return { year, pages: 100 };
});

app.post("/reports/:year", async ({ year }) => ({ jobId: await exportReport.enqueue({ year: Number(year) }) }));

// #region cancelling
app.post("/jobs/:jobId/cancel", async ({ jobId }) => {
  const isCancelled = await exportReport.cancel(jobId);
  if (!isCancelled) return [{ error: "Job not found or already completed" }, 404];
  return { status: "cancelled" };
});
// #endregion

app.get("/jobs/:jobId", async ({ jobId }) => {
  const job = await exportReport.getResult(jobId);
  return job ? { jobId, status: job.status, progress: job.progress } : [{ error: "Job not found" }, 404];
});

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });

await tour(server, async (call) => {
  const { jobId } = await call("POST /reports/2026");
  await setTimeout(200);
  await call(`GET /jobs/${jobId}`);
  await call(`POST /jobs/${jobId}/cancel`);
  await call(`GET /jobs/${jobId}`);
  await call(`POST /jobs/${jobId}/cancel`);
});
