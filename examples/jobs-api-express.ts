import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { background, InMemoryQueue } from "rapidai/background";
import { jobsApi } from "rapidai/http";
import { tour } from "./tour.ts";

const queue = new InMemoryQueue();
const greet = background({ queue }, async function greet({ name }: { name: string }) {
  return `Hello, ${name}!`;
});

// #region jobs-api-express
const app = express();
// Express strips the mount path, so no basePath is needed. Mount it before any body parser.
app.use("/admin/api", getRequestListener(jobsApi({ queue, tasks: [greet] })));
app.use(express.json());
// #endregion

const server = app.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  console.log(`Listening on ${url}`);
  void visit(url);
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
  await queue.close();
}
