import { setTimeout } from "node:timers/promises";
import type { Client, JobView } from "./client.ts";
import type { Document } from "./documents.ts";

/** A document that was sent, and what is known of its job. */
export interface Sent {
  readonly document: Document;
  readonly job: JobView;
}

const POLL_MS = 60;
const PATIENCE_MS = 60_000;

/** Asks for the jobs until all are done, shows them each time, and cancels those that have come far enough. */
export async function watch(
  client: Client,
  documents: ReadonlyMap<string, Document>,
  show: (sent: readonly Sent[]) => void,
  signal: AbortSignal,
): Promise<readonly Sent[]> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  const cancelled = new Set<string>();
  while (performance.now() < giveUpAt) {
    const jobs = await client.jobs();
    const sent = [...documents].map(([jobId, document]) => ({ document, job: find(jobs, jobId) }));
    show(sent);
    if (sent.every(({ job }) => job.duration !== null)) return sent;
    for (const { document, job } of sent) {
      if (cancelled.has(job.jobId) || document.cancelAt === 1) continue;
      if ((job.progress?.fraction ?? 0) < document.cancelAt) continue;
      cancelled.add(job.jobId);
      await client.cancel(job.jobId);
    }
    await setTimeout(POLL_MS, undefined, { signal });
  }
  throw new Error(`The jobs were not done within ${PATIENCE_MS / 1_000} s.`);
}

function find(jobs: ReadonlyMap<string, JobView>, jobId: string): JobView {
  const job = jobs.get(jobId);
  if (job === undefined) throw new Error(`The service does not know job ${jobId}.`);
  return job;
}
