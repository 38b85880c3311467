// In an application of Next this is app/admin/api/[[...path]]/route.ts, and the queue comes from a module of its own.
import { background, InMemoryQueue } from "rapidai/background";
import { jobsApi } from "rapidai/http";

const queue = new InMemoryQueue();
const greet = background({ queue }, async function greet({ name }: { name: string }) {
  return `Hello, ${name}!`;
});

// #region jobs-api-next
const api = jobsApi({ queue, tasks: [greet], basePath: "/admin/api" });

// Next hands over more than the request, of which the API has no need.
export const GET = (request: Request): Promise<Response> => api(request);
export const POST = (request: Request): Promise<Response> => api(request);
// What answers from this machine's memory must not be answered from a cache or at the edge.
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
