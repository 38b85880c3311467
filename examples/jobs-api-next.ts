// In a Next.js application this is app/admin/api/[[...path]]/route.ts, and the queue comes from its own module.
import { background, InMemoryQueue } from "rapidai/background";
import { jobsApi } from "rapidai/http";

const queue = new InMemoryQueue();
const greet = background({ queue }, async function greet({ name }: { name: string }) {
  return `Hello, ${name}!`;
});

// #region jobs-api-next
const api = jobsApi({ queue, tasks: [greet], basePath: "/admin/api" });

// Next passes further arguments, which the API does not need.
export const GET = (request: Request): Promise<Response> => api(request);
export const POST = (request: Request): Promise<Response> => api(request);
// Answers come from this machine's memory, so they must not be cached or computed at the edge.
export const dynamic = "force-dynamic";
export const runtime = "nodejs";
// #endregion

const url = "http://localhost:3000/admin/api";
const enqueued = await POST(
  new Request(`${url}/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ task: "greet", payload: { name: "Ada" } }),
  }),
);
const { jobId } = (await enqueued.json()) as { jobId: string };
console.log(`POST → ${enqueued.status}`);
await greet.wait(jobId);
const shown = await GET(new Request(`${url}/jobs/${jobId}`));
const { status, result } = (await shown.json()) as { status: string; result: string };
console.log(`GET → ${shown.status}, ${status}: ${result}`);
console.log(`GET from elsewhere → ${(await GET(new Request("http://jobs.example/admin/api/jobs"))).status}`);
await queue.close();
