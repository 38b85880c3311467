// #region quick-start
import { App } from "rapidai";
import { background } from "rapidai/background";

const app = new App();

const processDocument = background(
  { maxRetries: 3 },
  async function processDocument({ docId, userId }: { docId: string; userId: string }) {
    // The slow work goes here: read the document, call APIs.
    return { docId, userId, status: "processed" };
  },
);

app.route("/process", { methods: ["POST"] }, async ({ docId, userId }) => {
  if (typeof docId !== "string" || typeof userId !== "string") return [{ error: "docId and userId are required" }, 400];
  const jobId = await processDocument.enqueue({ docId, userId });
  return { jobId, status: "queued" };
});

app.route("/status/:jobId", { methods: ["GET"] }, async ({ jobId }) => {
  const job = await processDocument.getResult(jobId);
  if (job === null) return [{ error: "Job not found" }, 404];
  const { status, result, error, duration } = job;
  return { jobId, status, result, error, duration };
});

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });
// #endregion

// Sends itself a few requests and exits, unless started with `npm run example:quick-start -- --serve`.
if (!process.argv.includes("--serve")) {
  const queued = await fetch(`${server.url}/process`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ docId: "d1", userId: "u1" }),
  });
  const { jobId } = (await queued.json()) as { jobId: string };
  console.log(`POST /process → ${queued.status}, jobId ${jobId}`);
  await processDocument.wait(jobId);

  const status = await fetch(`${server.url}/status/${jobId}`);
  console.log(`GET /status/${jobId} → ${status.status}`, await status.json());
  await server.close();
}
