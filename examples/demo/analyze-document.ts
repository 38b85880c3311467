import { setImmediate } from "node:timers/promises";
import { background, type JobQueue, type Task } from "rapidai/background";
import type { Archive } from "./archive.ts";
import { type Statistics, TextCounter } from "./text-statistics.ts";

export type AnalyzeDocument = Task<{ documentId: string }, Statistics>;

/** How long a job may keep requests and other jobs of its process waiting. */
const SLICE_MS = 4;

export function analyzeDocumentOn(queue: JobQueue, archive: Archive): AnalyzeDocument {
  return background(
    // The usual two seconds before the first retry are long for a demonstration.
    { name: "analyze-document", queue, maxRetries: 3, backoff: { base: "400ms" }, concurrency: 3 },
    async ({ documentId }: { documentId: string }, job) => {
      const text = await archive.read(documentId);
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
}
