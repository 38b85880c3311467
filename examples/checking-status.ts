import { App } from "rapidai";
import { background, PermanentError } from "rapidai/background";
import { tour } from "./tour.ts";

const app = new App();

const countWords = background(async function countWords({ text }: { text: string }) {
  if (text === "") throw new PermanentError("The text is empty.");
  return { words: text.split(/\s+/).length };
});

app.post("/texts", async ({ text }) => ({ jobId: await countWords.enqueue({ text: String(text ?? "") }) }));

// #region checking-status
app.get("/jobs/:jobId", async ({ jobId }) => {
  const job = await countWords.getResult(jobId);
  if (job === null) return [{ error: "Job not found" }, 404];

  const { status, createdAt, attempts, maxRetries } = job;
  const response = { jobId, status, createdAt, attempts, maxRetries };
  if (!job.isDone) return response;

  const { completedAt, duration } = job;
  if (job.status === "completed") return { ...response, completedAt, duration, result: job.result };
  if (job.status === "failed") return { ...response, completedAt, duration, error: job.error };
  return { ...response, completedAt, duration };
});
// #endregion

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });

await tour(server, async (call) => {
  const counted = await call("POST /texts", { text: "the quick brown fox" });
  await countWords.wait(counted.jobId);
  await call(`GET /jobs/${counted.jobId}`);

  const refused = await call("POST /texts", { text: "" });
  await countWords.wait(refused.jobId);
  await call(`GET /jobs/${refused.jobId}`);

  await call("GET /jobs/unknown");
});
