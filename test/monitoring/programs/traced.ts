// One end of a queue in a process of its own, with an SDK that keeps its spans: `producer` or `worker`, then the queue's URL.
import { trace } from "@opentelemetry/api";
import { background, getQueue } from "rapidai/background";
import { getCollector, instrument } from "rapidai/monitoring";
import { registerSdk } from "../open-telemetry.ts";

const [, , role, url = ""] = process.argv;
const sdk = registerSdk();
const queue = getQueue({ url });
// On a busy machine a server may take longer than a call waits for it, and each try would be a span.
for (
  let tries = 1;
  !(await queue.ready().then(
    () => true,
    () => false,
  )) && tries < 10;
  tries++
);

if (role === "producer") {
  instrument();
  await trace.getTracer("app").startActiveSpan("request", async (span) => {
    await queue.enqueue("convert", { path: "a.png" });
    span.end();
  });
} else {
  getCollector();
  const done = Promise.withResolvers<void>();
  background({ name: "convert", queue, backoff: "10ms" }, async (_: { path: string }, job) => {
    trace.getTracer("app").startSpan("decode").end();
    if (job.attempt === 1) throw new Error("disk full");
  });
  queue.on("completed", () => done.resolve());
  await queue.start();
  await done.promise;
}
await queue.close();

const spans = sdk.spans.getFinishedSpans().map((span) => ({
  name: span.name,
  traceId: span.spanContext().traceId,
  spanId: span.spanContext().spanId,
  parentId: span.parentSpanContext?.spanId ?? null,
  outcome: span.attributes["rapidai.job.outcome"] ?? null,
}));
console.log(
  JSON.stringify({ spans, completed: role === "worker" ? getCollector().getSummary().jobs.completed : null }),
);
