import { setImmediate } from "node:timers/promises";
import { background, type Task } from "rapidai/background";
import { readDocument } from "./archive.ts";
import { type Statistics, TextCounter } from "./text-statistics.ts";

/** How long a job may keep requests and other jobs of its process waiting. */
const SLICE_MS = 4;

export const analyzeDocument: Task<{ documentId: string }, Statistics> = background(
  // The usual two seconds before the first retry are long for a demonstration.
  { maxRetries: 3, backoff: { base: "400ms" }, concurrency: 3 },
  async function analyzeDocument({ documentId }: { documentId: string }, job) {
    const text = await readDocument(documentId);
    const counter = new TextCounter();
    const report = () => {
      const message = `${counter.words.toLocaleString("en")} words`;
      job.progress({ done: Math.min(counter.characters, text.length), total: text.length, message });
    };

    let pauseAt = performance.now() + SLICE_MS;
    for (const line of text.split("\n")) {
      counter.addLine(line);
      if (performance.now() < pauseAt) continue;
      report();
      await setImmediate(undefined, { signal: job.signal });
      pauseAt = performance.now() + SLICE_MS;
    }
    report();
    return counter.statistics();
  },
);
