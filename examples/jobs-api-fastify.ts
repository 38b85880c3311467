import { getRequestListener } from "@hono/node-server";
import { fastify } from "fastify";
import { background, InMemoryQueue } from "rapidai/background";
import { jobsApi } from "rapidai/http";
import { tour } from "./tour.ts";

const queue = new InMemoryQueue();
const greet = background({ queue }, async function greet({ name }: { name: string }) {
  return `Hello, ${name}!`;
});

// #region jobs-api-fastify
const app = fastify();
const listener = getRequestListener(jobsApi({ queue, tasks: [greet], basePath: "/admin/api" }));
app.register(async (scope) => {
  // The API reads request bodies itself, so Fastify must not parse them here.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all("/admin/api/*", async (request, reply) => {
    reply.hijack();
    await listener(request.raw, reply.raw);
  });
});
// #endregion

const url = await app.listen({ port: Number(process.env.PORT ?? 8000), host: "127.0.0.1" });
console.log(`Listening on ${url}`);

async function close(): Promise<void> {
  await queue.close();
  await app.close();
}

await tour({ url, close }, async (call) => {
  const { jobId } = await call("POST /admin/api/jobs", { task: "greet", payload: { name: "Ada" } });
  await greet.wait(jobId);
  await call(`GET /admin/api/jobs/${jobId}`);
  await call("GET /admin/api/counts");
});
