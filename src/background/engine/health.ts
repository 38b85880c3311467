import { randomUUID } from "node:crypto";
import { messageOf } from "../core/failure.ts";
import type { Census, HealthWarning, Store, StoreReport, WorkerPresence } from "../core/store.ts";
import { counted, listed } from "../core/text.ts";
import { settlesWithin } from "./bounded.ts";
import { VERSION } from "./version.ts";

/** The health of a queue. */
export interface Health {
  /** Whether jobs can be claimed. */
  readonly isHealthy: boolean;
  /** The backend: `"memory"`, `"sqlite"` or `"redis"`. */
  readonly store: string;
  /** Why it is not healthy; `null` if it is. */
  readonly error: string | null;
  /** How long the store took to answer, in milliseconds. */
  readonly latencyMs: number;
  /** The live workers of all processes. */
  readonly workers: readonly WorkerPresence[];
  /** What needs attention although jobs can be claimed: settings that may lose jobs, little space left, no worker. */
  readonly warnings: readonly HealthWarning[];
  /** Facts about the store, such as its version and location; empty if it cannot be reached. */
  readonly details: StoreReport["details"];
}

/** A little longer than the two seconds after which stores give up a call, so that their error is received. */
const LONGEST_MS = 2_500;
/** What the ids of probes begin with. No worker's does: it begins with its host's name, which has no space. */
const PROBE = "health probe ";
/** Most tasks that a warning names. */
const MAX_NAMED = 5;

/**
 * Makes the calls that workers make, since a store that can only be read is of no use to them. `checkWorker` rejects if this
 * process's worker fares worse: damaged data may affect its claims alone.
 */
export async function probe(
  store: Store,
  open: () => Promise<void>,
  checkWorker: () => Promise<void>,
): Promise<Health> {
  const startedAt = performance.now();
  let latencyMs: number | undefined;
  let census: Census | undefined;
  let report: StoreReport = { details: {}, warnings: [] };
  let error: string | null = `The ${store.name} store did not answer within ${LONGEST_MS} ms.`;
  const asked = async (opened: Promise<void>) => {
    try {
      const answered = opened.then(() => actAsWorker(store));
      census = await answered.finally(() => {
        latencyMs = performance.now() - startedAt;
      });
      await checkWorker();
      error = null;
    } catch (failure) {
      error = messageOf(failure);
    }
  };
  const told = async (opened: Promise<void>) => {
    // A store that refuses to be used can often say why.
    await opened.catch(() => {});
    report = await store.describe();
  };
  const opened = open();
  await settlesWithin(LONGEST_MS, Promise.allSettled([asked(opened), told(opened)]));
  const fault = report.fault ?? error;
  return {
    isHealthy: fault === null,
    store: store.name,
    error: fault,
    latencyMs: latencyMs ?? performance.now() - startedAt,
    workers: census?.workers ?? [],
    warnings: [...report.warnings, ...(census === undefined ? [] : idleWarnings(census))],
    details: report.details,
  };
}

/** Acts as a worker without slots. */
async function actAsWorker(store: Store): Promise<Census> {
  const id = PROBE + randomUUID();
  // A claim that takes nothing may write nothing, but a heartbeat does.
  await store.claim({ worker: id, token: id, lanes: [], limit: 0, lostLimit: 0, leaseMs: 1_000, maxVersion: 0 });
  const worker = { id, tasks: [], slots: 0, concurrency: {}, version: VERSION };
  await store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1, beats: [] });
  // Deregistered at once, so that the probe is not counted as a worker.
  await store.heartbeat({ worker, presenceMs: 0, leaseMs: 1, beats: [] });
  const census = await store.count();
  return { ...census, workers: census.workers.filter((each) => !each.id.startsWith(PROBE)) };
}

/** Warns of jobs that no live worker can run. */
function idleWarnings({ tasks, workers }: Census): HealthWarning[] {
  const served = new Set(workers.flatMap((worker) => worker.tasks));
  const waiting = [...tasks].filter(([, { pending }]) => pending > 0);
  const left = waiting.filter(([task]) => !served.has(task));
  const jobs = left.reduce((sum, [, { pending }]) => sum + pending, 0);
  const [wait, their] = jobs === 1 ? ["is", "its"] : ["are", "their"];
  if (workers.length === 0) {
    const message =
      jobs === 0 ? "No worker is alive." : `No worker is alive, and ${counted(jobs, "job")} ${wait} waiting for one.`;
    const remedy =
      "Start a process that has the tasks, without worker: false. If one is running, check its log: it may work on another queue (url, prefix), have a blocked event loop, or not reach the store.";
    return [{ code: "no_worker", message, remedy }];
  }
  if (left.length === 0) return [];
  const names = left.map(([task]) => task);
  return [
    {
      code: "no_worker_for_task",
      message: `${counted(jobs, "job")} ${wait} waiting, and no live worker has ${their} task: ${listed(names, MAX_NAMED)}.`,
      remedy:
        "Start a worker that has these tasks and runs them (--task, --except), or check whether they were renamed.",
    },
  ];
}
