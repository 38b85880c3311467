import { randomUUID } from "node:crypto";
import type { Store, WorkerPresence } from "../core/store.ts";
import { settlesWithin } from "./bounded.ts";
import { VERSION } from "./version.ts";

/** How a queue is. */
export interface Health {
  /** Whether jobs can be claimed. */
  readonly isHealthy: boolean;
  /** What keeps the jobs: `"memory"`. */
  readonly store: string;
  /** Why it is not healthy. */
  readonly error: string | null;
  /** How long the store took to answer, in milliseconds. */
  readonly latencyMs: number;
  /** Workers that live, of all processes. */
  readonly workers: readonly WorkerPresence[];
}

const LONGEST_MS = 2_000;

/** Asks the store for what workers ask it for, since a store that only reads is no good to them. */
export async function probe(store: Store, open: () => Promise<void>): Promise<Health> {
  const startedAt = performance.now();
  let workers: readonly WorkerPresence[] = [];
  let error: string | null = `The ${store.name} store gave no answer within ${LONGEST_MS} ms.`;
  const id = `health:${randomUUID()}`;
  const asked = async () => {
    try {
      await open();
      // A claim that takes nothing may write nothing; a worker that shows itself does.
      await store.claim({ worker: id, token: id, lanes: [], limit: 0, lostLimit: 0, leaseMs: 1_000, maxVersion: 0 });
      const worker = { id, tasks: [], slots: 0, version: VERSION };
      await store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1, beats: [] });
      // Taken back at once, so that nobody counts the probe among the workers.
      await store.heartbeat({ worker, presenceMs: 0, leaseMs: 1, beats: [] });
      ({ workers } = await store.count());
      error = null;
    } catch (failure) {
      error = failure instanceof Error ? failure.message : String(failure);
    }
  };
  await settlesWithin(LONGEST_MS, asked());
  return { isHealthy: error === null, store: store.name, error, latencyMs: performance.now() - startedAt, workers };
}
