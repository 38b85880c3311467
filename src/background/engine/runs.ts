import { defaultWait } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { isDone } from "../core/lifecycle.ts";
import type { ValueLimits } from "../core/limits.ts";
import { type Decision, decide, type Outcome, safeWait, settlementOf } from "../core/outcome.ts";
import type { ClaimedJob, Progress, SettleAnswer, Store, WorkerPresence } from "../core/store.ts";
import { Attempt, type AttemptHost } from "./attempt.ts";
import type { TaskDefinition } from "./definition.ts";
import type { Events } from "./events.ts";
import { Leases } from "./leases.ts";
import type { AttemptEnd, AttemptSpanInit } from "./observer.ts";
import { Settler } from "./settler.ts";
import { AttemptSpans } from "./spans.ts";

export interface RunsInit {
  readonly store: Store;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly events: Events;
  readonly limits: ValueLimits;
  readonly leaseMs: number;
  readonly graceMs: number;
  /** Jobs are done. */
  readonly onFinished: () => void;
  /** A job that ran here was cancelled, by whomever. */
  readonly onCancelled: (jobId: string, task: string) => void;
}

/** What the worker adds. */
export interface RunsHost {
  readonly presence: WorkerPresence;
  /** An attempt's slot is free. */
  freed(task: string): void;
  /** A job was settled. */
  settled(): void;
}

/** The attempts of a worker, from the claim until the store knows how each ended. */
export class Runs implements AttemptHost {
  readonly clock: Clock;
  readonly limits: ValueLimits;
  readonly graceMs: number;
  readonly leases: Leases;
  readonly settler: Settler;
  readonly #init: RunsInit;
  readonly #host: RunsHost;
  readonly #attempts = new Set<Attempt>();
  #unsettled = 0;

  constructor(init: RunsInit, host: RunsHost) {
    const { store, clock, random, events, leaseMs } = init;
    this.clock = clock;
    this.limits = init.limits;
    this.graceMs = init.graceMs;
    this.#init = init;
    this.#host = host;
    const onError = (error: unknown) => events.report(error);
    this.settler = new Settler({ store, clock, random, onError });
    this.leases = new Leases({
      store,
      clock,
      leaseMs,
      onError,
      presence: () => host.presence,
      onGone: (attempt, how) => (how === "cancelled" ? this.#cancel(attempt) : this.#lose(attempt)),
    });
  }

  /** Attempts whose handlers run. */
  get running(): ReadonlySet<Attempt> {
    return this.#attempts;
  }

  /** Attempts that are over and not settled yet. */
  get unsettled(): number {
    return this.#unsettled;
  }

  start(job: ClaimedJob, definition: TaskDefinition, token: string, claimedAt: number): void {
    const { events } = this.#init;
    // Whoever gave it out anew took it from an attempt that may not know.
    const before = this.leases.get(job.id);
    if (before !== undefined) this.#lose(before);
    const attempt = new Attempt(job, token, definition, claimedAt, this);
    this.#attempts.add(attempt);
    this.leases.add(attempt);
    if (events.has("started")) events.emit("started", { ...about(job), waitMs: job.attemptedAt - job.runAt });
    attempt.spans = AttemptSpans.open(
      () => this.#spanOf(job),
      this.clock,
      (error) => events.report(error),
    );
    attempt.start();
  }

  /** A job that its worker lost is settled at once. */
  recover(job: ClaimedJob, token: string): void {
    const { events } = this.#init;
    const mine = this.leases.get(job.id);
    if (mine !== undefined) this.#lose(mine);
    events.emit("lost", about(job));
    this.#settleUnrun(job, token, { kind: "lost" });
  }

  /** A job was claimed, and cannot be run now. */
  handBack(job: ClaimedJob, token: string): void {
    this.#settleUnrun(job, token, { kind: "released" });
  }

  /** A job was cancelled: its attempt, if it runs here, learns it now. */
  cancelled(jobId: string): void {
    const attempt = this.leases.get(jobId);
    if (attempt !== undefined) this.#cancel(attempt);
  }

  reported(attempt: Attempt, progress: Progress | null): void {
    const { events } = this.#init;
    if (!this.leases.report(attempt)) return;
    if (progress !== null && events.has("progress")) events.emit("progress", { ...about(attempt.job), progress });
  }

  ended(attempt: Attempt, outcome: Outcome | null): void {
    this.#attempts.delete(attempt);
    if (outcome === null) {
      this.leases.drop(attempt);
      attempt.spans?.end({ outcome: attempt.isCancelled ? "cancelled" : "lost", error: null, delayMs: null });
    } else {
      this.#unsettled++;
      if (this.leases.isCarrying(attempt)) this.leases.whenCarried(attempt, () => this.#settle(attempt, outcome));
      else this.#settle(attempt, outcome);
    }
    this.#host.freed(attempt.job.task);
  }

  #settleUnrun(job: ClaimedJob, token: string, outcome: Outcome): void {
    const decision = decide(job, outcome, defaultWait, this.#init.random());
    this.#unsettled++;
    this.settler.settle(settlementOf(job.id, token, decision, null), (answer) => {
      // It did not run here, so a cancel is for others to tell.
      this.#settled(job, decision, answer, answer !== "cancelled");
    });
  }

  #settle(attempt: Attempt, outcome: Outcome): void {
    const { job, token, definition } = attempt;
    const { events, random } = this.#init;
    const isFailed = outcome.kind === "failed";
    const wait = isFailed ? safeWait(definition.wait, (error) => events.report(error)) : defaultWait;
    const decision = decide(job, outcome, wait, random());
    attempt.spans?.end(endOf(outcome, decision));
    this.settler.settle(settlementOf(job.id, token, decision, attempt.takePatch()), (answer) => {
      this.leases.drop(attempt);
      this.#settled(job, decision, answer, !attempt.isCancelled);
    });
  }

  #settled(job: ClaimedJob, decision: Decision, answer: SettleAnswer, isNews: boolean): void {
    const { events, onFinished, onCancelled } = this.#init;
    this.#unsettled--;
    if (answer === "cancelled") {
      if (isNews) onCancelled(job.id, job.task);
    } else if (answer === "lost") events.emit("lost", about(job));
    else {
      if (isDone(decision.to)) onFinished();
      this.#tell(job, decision);
    }
    this.#host.settled();
  }

  #tell(job: ClaimedJob, { to, delayMs, failure }: Decision): void {
    const { events } = this.#init;
    const durationMs = this.clock.now() - job.attemptedAt;
    if (to === "pending") {
      if (failure !== null)
        events.emit("retrying", { ...about(job), error: failure.message, delayMs: delayMs ?? 0, durationMs });
    } else if (events.has(to)) {
      if (failure === null) events.emit("completed", { ...about(job), durationMs });
      else events.emit("failed", { ...about(job), error: failure.message, durationMs });
    }
  }

  #spanOf({ id, task, attempts, maxRetries, attemptedAt, runAt, trace }: ClaimedJob): AttemptSpanInit {
    const waitMs = attemptedAt - runAt;
    return { queue: this.#init.store.name, task, jobId: id, attempt: attempts, maxRetries, waitMs, trace };
  }

  #cancel(attempt: Attempt): void {
    this.leases.drop(attempt);
    if (attempt.cancel()) this.#init.onCancelled(attempt.job.id, attempt.job.task);
  }

  #lose(attempt: Attempt): void {
    this.leases.drop(attempt);
    if (attempt.lose()) this.#init.events.emit("lost", about(attempt.job));
  }
}

function endOf(outcome: Outcome, { to, delayMs, failure }: Decision): Omit<AttemptEnd, "durationMs"> {
  const error = "error" in outcome ? outcome.error : null;
  if (to !== "pending") return { outcome: to, error, delayMs: null };
  return failure === null ? { outcome: "released", error, delayMs: null } : { outcome: "retrying", error, delayMs };
}

function about({ id, task, attempts }: ClaimedJob): { jobId: string; task: string; attempt: number } {
  return { jobId: id, task, attempt: attempts };
}
