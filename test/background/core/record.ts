import { newJobId } from "rapidai/background";
import type { JobRecord } from "../../../src/background/core/store.ts";

/** When the jobs of these tests were enqueued. */
export const CREATED_AT: number = Date.UTC(2026, 0, 1);

/** The record of a pending job, with these fields replaced. */
export function recordOf(fields: Partial<JobRecord>): JobRecord {
  return {
    v: 1,
    id: newJobId(),
    task: "work",
    status: "pending",
    payload: "",
    result: null,
    maxRetries: 3,
    attempts: 0,
    attemptLimit: 4,
    losses: 0,
    createdAt: CREATED_AT,
    runAt: CREATED_AT,
    startedAt: null,
    attemptedAt: null,
    completedAt: null,
    worker: null,
    cancelledBy: null,
    progress: null,
    usage: null,
    trace: null,
    past: [],
    logs: [],
    ...fields,
  };
}
