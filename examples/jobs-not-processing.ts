import { background, getQueue } from "rapidai/background";

const sendReport = background(async function sendReport({ month }: { month: string }) {
  return { sent: month };
});

// #region jobs-not-processing
// Does this process work on the queue? It would begin by itself, but this call says so if it cannot.
await getQueue().start();

// Is the job queued at all?
const jobId = await sendReport.enqueue({ month: "2026-11" });
const result = await sendReport.getResult(jobId);
console.log(`Status: ${result?.status}`); // "pending", very soon "running" or "completed"

// Can the queue work, and how much is there to do?
console.log("Health:", await getQueue().health());
console.log("Jobs:", (await getQueue().counts()).byStatus);

// Did it run and fail? A job that waits for a retry is pending, with the reason in its error.
const { status, attempts, error } = await sendReport.wait(jobId, { timeout: "10s" });
console.log(`Status: ${status}, attempts: ${attempts}, error: ${error}`);
// #endregion

await getQueue().close();
