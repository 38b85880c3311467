import { App } from "rapidai";
import { background, getQueue, PermanentError, parseJobStatus } from "rapidai/background";
import { tour } from "./tour.ts";

const app = new App();

const sendInvoice = background(async function sendInvoice({ customer }: { customer: string }) {
  if (customer === "nobody") throw new PermanentError("The customer was not found.");
  return { sent: true };
});

app.post("/invoices/:customer", async ({ customer }) => ({ jobId: await sendInvoice.enqueue({ customer }) }));

// #region listing
app.get("/jobs", async ({ status }) => {
  // An unknown status is answered with 400 and a message that lists the five valid ones.
  const jobs = await getQueue().listJobs({ status: status ? parseJobStatus(status) : undefined });
  return { jobs: jobs.map(({ jobId, status, createdAt }) => ({ jobId, status, createdAt })) };
});
// #endregion

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });

await tour(server, async (call) => {
  for (const customer of ["ada", "grace", "nobody"]) {
    const { jobId } = await call(`POST /invoices/${customer}`);
    await sendInvoice.wait(jobId);
  }
  await call("GET /jobs");
  await call("GET /jobs?status=failed");
  await call("GET /jobs?status=broken");
});
