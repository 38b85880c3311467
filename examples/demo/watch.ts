import { setTimeout } from "node:timers/promises";
import type { Client, JobView } from "./client.ts";
import type { Document } from "./documents.ts";

/** A document that was sent, and what is known about its job. */
export interface Sent {
  readonly document: Document;
  readonly job: JobView;
  /** Its worker was killed, and no other has claimed it yet. */
  readonly isOrphan: boolean;
}

export interface WatchOptions {
  readonly show: (sent: readonly Sent[]) => void;
  /** Kills the worker and starts another. */
  readonly kill: () => Promise<void>;
  readonly signal: AbortSignal;
}

const POLL_MS = 60;
const PATIENCE_MS = 60_000;

/** Polls the jobs until all are done and shows them each time; cancels jobs and kills workers as each document asks. */
export async function watch(
  client: Client,
  documents: ReadonlyMap<string, Document>,
  { show, kill, signal }: WatchOptions,
): Promise<readonly Sent[]> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  const cancelled = new Set<string>();
  /** Jobs that were running when the worker was killed, and their attempt at the time. */
  const orphans = new Map<string, number>();
  let isKilled = false;
  while (performance.now() < giveUpAt) {
    const jobs = await client.jobs();
    const sent = [...documents].map(([jobId, document]): Sent => {
      const job = find(jobs, jobId);
      return { document, job, isOrphan: job.status === "running" && orphans.get(jobId) === job.attempts };
    });
    show(sent);
    if (sent.every(({ job }) => job.duration !== null)) return sent;
    for (const { document, job } of sent) {
      const fraction = job.status === "running" ? (job.progress?.fraction ?? 0) : 0;
      if (!cancelled.has(job.jobId) && document.cancelAt < 1 && fraction >= document.cancelAt) {
        cancelled.add(job.jobId);
        await client.cancel(job.jobId);
      }
      if (isKilled || document.killAt === 1 || fraction < document.killAt) continue;
      isKilled = true;
      for (const other of sent) if (other.job.status === "running") orphans.set(other.job.jobId, other.job.attempts);
      await kill();
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
