import { setTimeout } from "node:timers/promises";
import { App } from "rapidai";
import { background } from "rapidai/background";
import { getCollector, PROMETHEUS_CONTENT_TYPE } from "rapidai/monitoring";
import { tour } from "./tour.ts";

const app = new App();

const thumbnail = background(async function thumbnail({ width }: { width: number }) {
  await setTimeout(width / 10);
  return { width };
});

app.post("/thumbnails/:width", async ({ width }) => ({ jobId: await thumbnail.enqueue({ width: Number(width) }) }));

// #region monitoring-endpoint
const collector = getCollector(); // from here on jobs, LLM calls and requests are recorded

app.get("/metrics", () => {
  return new Response(collector.prometheus(), { headers: { "content-type": PROMETHEUS_CONTENT_TYPE } });
});

app.get("/monitoring", () => {
  const { since, jobs, requests, llm } = collector.getSummary();
  return { since, jobs, requests, llm, models: collector.getModelUsage() };
});
// #endregion

const server = await app.run({ port: Number(process.env.PORT ?? 8000) });

await tour(server, async (call) => {
  for (const width of [100, 200, 400]) {
    const { jobId } = await call(`POST /thumbnails/${width}`);
    await thumbnail.wait(jobId);
  }
  await call("GET /monitoring");
  const response = await fetch(`${server.url}/metrics`);
  const lines = (await response.text()).split("\n").filter((line) => /^rapidai_(jobs_completed|http)/.test(line));
  console.log(lines.filter((line) => !line.includes("_bucket")).join("\n"));
});
