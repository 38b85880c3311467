import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { background, InMemoryQueue } from "rapidai/background";
import { jobsApi } from "rapidai/http";
import { tour } from "./tour.ts";

const queue = new InMemoryQueue();
const greet = background({ queue }, async function greet({ name }: { name: string }) {
  return `Hello, ${name}!`;
});

// #region jobs-api-hono
const app = new Hono();
const api = jobsApi({ queue, tasks: [greet], basePath: "/admin/api" });
// The second argument carries the client's address. Without `auth`, only this machine gets an answer.
app.all("/admin/api/*", (c) => api(c.req.raw, c.env as object));
// #endregion

const port = Number(process.env.PORT ?? 8000);
const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, (address) => {
  console.log(`Listening on http://127.0.0.1:${address.port}`);
  void visit(`http://127.0.0.1:${address.port}`);
});

async function visit(url: string): Promise<void> {
  await tour({ url, close }, async (call) => {
    const { jobId } = await call("POST /admin/api/jobs", { task: "greet", payload: { name: "Ada" } });
    await greet.wait(jobId);
    await call(`GET /admin/api/jobs/${jobId}`);
    await call("GET /admin/api/counts");
  });
}

async function close(): Promise<void> {
  server.close();
  // Also ends the live streams, which would otherwise keep the server open.
  await queue.close();
}
