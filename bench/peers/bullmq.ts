import { Queue, QueueEvents, Worker } from "bullmq";
import { CONCURRENCY } from "../workload.ts";

export const BULL_QUEUE = "noop";

function connectionTo(url: string) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

export function bullQueue(url: string): Queue {
  return new Queue(BULL_QUEUE, { connection: connectionTo(url) });
}

/** A worker that is not started yet, and keeps `kept` completed jobs, or all of them. */
export async function bullWorker(url: string, handler: () => Promise<void>, kept: number | null): Promise<Worker> {
  const worker = new Worker(BULL_QUEUE, handler, {
    connection: connectionTo(url),
    concurrency: CONCURRENCY,
    autorun: false,
    ...(kept === null ? {} : { removeOnComplete: { count: kept } }),
  });
  await worker.waitUntilReady();
  return worker;
}

/** The events of finished jobs. */
export async function bullEvents(url: string): Promise<QueueEvents> {
  const events = new QueueEvents(BULL_QUEUE, { connection: connectionTo(url) });
  // There is a listener for each job that is being waited for.
  events.setMaxListeners(0);
  await events.waitUntilReady();
  return events;
}
