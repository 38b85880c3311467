import { randomUUID } from "node:crypto";
import type { Census, HealthWarning, Store, StoreReport, WorkerPresence } from "../core/store.ts";
import { counted, listed } from "../core/text.ts";
import { settlesWithin } from "./bounded.ts";
import { VERSION } from "./version.ts";

/** How a queue is. */
export interface Health {
  /** Whether jobs can be claimed. */
  readonly isHealthy: boolean;
  /** What keeps the jobs: `"memory"`, `"sqlite"` or `"redis"`. */
  readonly store: string;
  /** Why it is not healthy. */
  readonly error: string | null;
  /** How long the store took to answer, in milliseconds. */
  readonly latencyMs: number;
  /** Workers that live, of all processes. */
  readonly workers: readonly WorkerPresence[];
  /** What to look at, though jobs can be claimed: settings that may lose jobs, little room left, no worker. */
  readonly warnings: readonly HealthWarning[];
  /** What the store says of itself, such as its version and where it is; empty when it cannot be asked. */
  readonly details: StoreReport["details"];
}

/** Stores give a call up after two seconds, and then say why: that is waited for. */
const LONGEST_MS = 2_500;
/** Tasks that a warning names. */
const MAX_NAMED = 5;

/** Asks the store for what workers ask it for, since a store that only reads is no good to them. */
export async function probe(store: Store, open: () => Promise<void>): Promise<Health> {
  const startedAt = performance.now();
  let latencyMs: number | undefined;
  let census: Census | undefined;
  let report: StoreReport = { details: {}, warnings: [] };
  let error: string | null = `The ${store.name} store gave no answer within ${LONGEST_MS} ms.`;
  const asked = async (opened: Promise<void>) => {
    try {
      await opened;
      census = await takePart(store);
      error = null;
    } catch (failure) {
      error = failure instanceof Error ? failure.message : String(failure);
    }
    latencyMs = performance.now() - startedAt;
  };
  const told = async (opened: Promise<void>) => {
    // A store that may not be used can often say why.
    await opened.catch(() => {});
    report = await store.describe();
  };
  const opened = open();
  await settlesWithin(LONGEST_MS, Promise.allSettled([asked(opened), told(opened)]));
  return {
    isHealthy: error === null,
    store: store.name,
    error,
    latencyMs: latencyMs ?? performance.now() - startedAt,
    workers: census?.workers ?? [],
    warnings: [...report.warnings, ...(census === undefined ? [] : idleWarnings(census))],
    details: report.details,
  };
}

/** Does what a worker without slots does. */
async function takePart(store: Store): Promise<Census> {
  const id = `health:${randomUUID()}`;
  // A claim that takes nothing may write nothing; a worker that shows itself does.
  await store.claim({ worker: id, token: id, lanes: [], limit: 0, lostLimit: 0, leaseMs: 1_000, maxVersion: 0 });
  const worker = { id, tasks: [], slots: 0, concurrency: {}, version: VERSION };
  await store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1, beats: [] });
  // Taken back at once, so that nobody counts the probe among the workers.
  await store.heartbeat({ worker, presenceMs: 0, leaseMs: 1, beats: [] });
  const census = await store.count();
  return { ...census, workers: census.workers.filter((each) => !each.id.startsWith("health:")) };
}

/** Jobs that nobody will run as things are. */
function idleWarnings({ tasks, workers }: Census): HealthWarning[] {
  const served = new Set(workers.flatMap((worker) => worker.tasks));
  const waiting = [...tasks].filter(([, { pending }]) => pending > 0);
  const left = waiting.filter(([task]) => !served.has(task));
  const jobs = left.reduce((sum, [, { pending }]) => sum + pending, 0);
  const [wait, their] = jobs === 1 ? ["waits", "its"] : ["wait", "their"];
  if (workers.length === 0) {
    const message =
      jobs === 0 ? "No worker is alive." : `No worker is alive, and ${counted(jobs, "job")} ${wait} for one.`;
    const remedy =
      "Start a process that has the tasks and is no producer only. One that runs already shows no sign of life: look in its log for a blocked event loop, or a store that it cannot reach.";
    return [{ code: "no_worker", message, remedy }];
  }
  if (left.length === 0) return [];
  const names = left.map(([task]) => task);
  return [
    {
      code: "no_worker_for_task",
      message: `${counted(jobs, "job")} ${wait}, and no live worker has ${their} task: ${listed(names, MAX_NAMED)}.`,
      remedy: "Start a worker that has these tasks, or look whether they were renamed.",
    },
  ];
}
