import type { Wait } from "./backoff.ts";
import { endingOf } from "./endings.ts";
import { JobError } from "./errors.ts";
import { causesOf, failureOf } from "./failure.ts";
import { MAX_LOSSES } from "./limits.ts";
import type { ClaimedJob, Patch, Settlement } from "./store.ts";

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: "completed"; readonly result: string }
  /** The handler threw, or ran out of time. */
  | { readonly kind: "failed"; readonly error: unknown }
  /** No retry could help: an unreadable payload, a result that cannot be stored. */
  | { readonly kind: "rejected"; readonly error: unknown }
  /** Handed back by a worker that is stopping. */
  | { readonly kind: "released" }
  /** Its worker stopped renewing the lease. */
  | { readonly kind: "lost" };

/** Decides a job's next state: the only place where retries are decided. Pure; `random` is at least 0 and below 1. */
export function decide(job: ClaimedJob, outcome: Outcome, wait: Wait, random: number): Decision {
  switch (outcome.kind) {
    case "completed":
      return {
        to: "completed",
        result: outcome.result,
        delayMs: null,
        isUncounted: false,
        isLoss: false,
        failure: null,
      };
    case "released":
      return RELEASED;
    case "rejected":
      return { ...NOTHING, to: "failed", failure: failureOf(outcome.error) };
    case "lost":
      return decideLoss(job);
    case "failed":
      return decideFailure(job, outcome.error, wait, random);
  }
}

/** A settlement without the attempt that it ends and what that attempt reported. */
export type Decision = Omit<Settlement, "id" | "token" | "patch" | "then">;

/** The settlement that carries out a decision. */
export function settlementOf(id: string, token: string, decision: Decision, patch: Patch | null): Settlement {
  const { to, result, delayMs, isUncounted, isLoss, failure } = decision;
  return { id, token, to, result, delayMs, isUncounted, isLoss, failure, patch };
}

const NOTHING: Omit<Decision, "to"> = {
  result: null,
  delayMs: null,
  isUncounted: false,
  isLoss: false,
  failure: null,
};

/** Returns a claimed job as if it had not been claimed. */
export const RELEASED: Decision = { ...NOTHING, to: "pending", isUncounted: true };

function decideFailure(job: ClaimedJob, error: unknown, wait: Wait, random: number): Decision {
  const failure = failureOf(error);
  const ending = causesOf(error)
    .map(endingOf)
    .find((each) => each !== undefined);
  if (ending?.kind === "permanent" || isUsedUp(job)) return { ...NOTHING, to: "failed", failure };
  const delayMs = ending?.delayMs ?? wait(retryOf(job), error, random);
  return { ...NOTHING, to: "pending", delayMs: Math.round(delayMs), failure };
}

function decideLoss(job: ClaimedJob): Decision {
  const losses = job.losses + 1;
  const isPoison = losses >= MAX_LOSSES;
  const error = new JobError(
    "worker_lost",
    `The worker ${job.worker} was lost during attempt ${job.attempts}: its process ended, hung or was cut off for longer than the lease${isPoison ? `. This is loss ${losses}, so the job most likely kills its workers and is not retried` : ""}.`,
    { jobId: job.id, task: job.task },
  );
  const failure = { ...failureOf(error), stack: null };
  if (isPoison || isUsedUp(job)) return { ...NOTHING, to: "failed", isLoss: true, failure };
  return { ...NOTHING, to: "pending", delayMs: 0, isLoss: true, failure };
}

function isUsedUp(job: ClaimedJob): boolean {
  return job.attempts >= job.attemptLimit;
}

/** The number of the next retry, from 1; a retry by hand restarts the count. */
function retryOf(job: ClaimedJob): number {
  const attemptsBefore = job.attemptLimit - job.maxRetries - 1;
  return Math.max(1, job.attempts - attemptsBefore);
}
