import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { background, InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";

// #region retries
const callExternalApi = background({ maxRetries: 5 }, async function callExternalApi({ url }: { url: string }, job) {
  const response = await fetch(url, { signal: job.signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as { temperature: number };
});

// Retry delays: 2 s, 4 s, 8 s, 16 s, 32 s
// #endregion

// An API that is down for the first five calls.
let calls = 0;
const api = createServer((_, response) => {
  calls++;
  response.writeHead(calls > 5 ? 200 : 503).end(JSON.stringify({ temperature: 21 }));
});
await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/weather`;

// The delays add up to 62 s, so this queue runs on a manual clock, as in a test.
const clock = new ManualClock();
const queue = new InMemoryQueue({ clock });
queue.on("retrying", ({ attempt, error, delayMs }) => {
  console.log(`Attempt ${attempt}: ${error}. Again in ${delayMs / 1_000} s.`);
});

const jobId = await queue.enqueue(callExternalApi, { url });
await clock.drain();
for (const delay of ["2s", "4s", "8s", "16s", "32s"] as const) {
  await clock.advance(delay);
  await clock.drain();
}
const job = await queue.getResult(jobId);
console.log(`Attempt ${job?.attempts}: ${job?.status} after ${job?.duration} s,`, job?.result);

await queue.close();
api.close();
