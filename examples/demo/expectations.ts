import type { Sent } from "./watch.ts";

/** What went differently than expected: a sentence for each such job. */
export function disappointments(sent: readonly Sent[]): readonly string[] {
  return sent.flatMap((one) => {
    const problem = problemOf(one);
    return problem === null ? [] : [`${one.document.name}: ${problem}`];
  });
}

function problemOf({ document, job }: Sent): string | null {
  const isToBeCancelled = document.cancelAt < 1;
  const expected = isToBeCancelled ? "cancelled" : "completed";
  if (job.status !== expected) return `expected ${expected}, but it is ${job.status} (${job.error})`;

  // Killing a worker costs each job that it was running an attempt.
  const least = document.failures + (document.killAt < 1 ? 2 : 1);
  if (job.attempts < least) return `expected at least ${least} attempts, but there were ${job.attempts}`;
  if (job.result === null || (job.result.chunks > 0 && job.result.summary !== "")) return null;
  return `expected chunks and a summary, but got ${job.result.chunks} and "${job.result.summary}"`;
}
