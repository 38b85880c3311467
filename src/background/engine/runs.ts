import { defaultWait, safeWait } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { isDone } from "../core/lifecycle.ts";
import type { ValueLimits } from "../core/limits.ts";
import { type Decision, decide, type Outcome, settlementOf } from "../core/outcome.ts";
import type { ClaimedJob, Progress, SettleAnswer, Settlement, Store, WorkerPresence } from "../core/store.ts";
import { Attempt, type AttemptHost } from "./attempt.ts";
import type { TaskDefinition } from "./definition.ts";
import type { Events } from "./events.ts";
import { Leases } from "./leases.ts";
import type { AttemptEnd } from "./observer.ts";
import type { Outage } from "./outage.ts";
import { type Ending, Settler } from "./settler.ts";
import { AttemptSpans } from "./spans.ts";

export interface RunsInit {
  readonly store: Store;
  readonly clock: Clock;
  /** At least 0 and below 1. */
  readonly random: () => number;
  readonly events: Events;
  readonly outage: Outage;
  readonly limits: ValueLimits;
  readonly leaseMs: number;
  readonly graceMs: number;
  /** A job has finished. */
  readonly onFinished: () => void;
  /** A job that was running here was cancelled, here or elsewhere. */
  readonly onCancelled: (jobId: string, task: string) => void;
}

/** The worker, as its attempts see it. */
export interface RunsHost {
  readonly presence: WorkerPresence;
  /** An attempt's slot is free. */
  freed(task: string): void;
  /** A job was settled. */
  settled(): void;
}

/** The attempts of a worker, from the claim until the store has recorded how each ended. */
export class Runs implements AttemptHost {
  readonly clock: Clock;
  readonly limits: ValueLimits;
  readonly graceMs: number;
  readonly leases: Leases;
  readonly settler: Settler;
  readonly #init: RunsInit;
  readonly #host: RunsHost;
  readonly #onError: (error: unknown) => void;
  readonly #attempts = new Set<Attempt>();
  #unsettled = 0;

  constructor(init: RunsInit, host: RunsHost) {
    const { store, clock, random, events, outage, leaseMs } = init;
    this.clock = clock;
    this.limits = init.limits;
    this.graceMs = init.graceMs;
    this.#init = init;
    this.#host = host;
    this.#onError = (error) => events.report(error);
    this.settler = new Settler({ store, clock, random, outage });
    this.leases = new Leases({
      store,
      clock,
      leaseMs,
      outage,
      onError: this.#onError,
      presence: () => host.presence,
      onGone: (attempt, how) => (how === "cancelled" ? this.#cancel(attempt) : this.#lose(attempt)),
    });
  }

  /** Attempts whose handlers are running. */
  get running(): ReadonlySet<Attempt> {
    return this.#attempts;
  }

  /** The number of attempts that have ended but are not settled yet. */
  get unsettled(): number {
    return this.#unsettled;
  }

  start(job: ClaimedJob, definition: TaskDefinition, token: string, claimedAt: number, now: number): void {
    const { events, store } = this.#init;
    // The store has given the job out again, so an earlier attempt that is still here has lost it.
    const before = this.leases.get(job.id);
    if (before !== undefined) this.#lose(before);
    const attempt = new Attempt(job, token, definition, claimedAt, now, this);
    this.#attempts.add(attempt);
    this.leases.add(attempt);
    if (events.has("started")) events.emit("started", { ...about(job), waitMs: job.attemptedAt - job.runAt });
    attempt.spans = AttemptSpans.open(store, job, this.#onError);
    attempt.start();
  }

  /** Settles a job whose worker was lost. */
  recover(job: ClaimedJob, token: string): void {
    const { events } = this.#init;
    const mine = this.leases.get(job.id);
    if (mine !== undefined) this.#lose(mine);
    events.emit("lost", about(job));
    this.#settleUnrun(job, token, { kind: "lost" });
  }

  /** Returns a claimed job that cannot be run now. */
  handBack(job: ClaimedJob, token: string): void {
    this.#settleUnrun(job, token, { kind: "released" });
  }

  /** Tells the job's attempt, if it runs here, that it was cancelled. */
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
      const end = attempt.isCancelled ? "cancelled" : "lost";
      attempt.spans?.end({ outcome: end, error: null, delayMs: null, durationMs: attempt.durationMs });
    } else {
      this.#unsettled++;
      if (this.leases.isCarrying(attempt)) this.leases.whenCarried(attempt, () => this.#settle(attempt, outcome));
      else this.#settle(attempt, outcome);
    }
    this.#host.freed(attempt.job.task);
  }

  /** The store has answered a settlement. */
  answered({ settlement, job, attempt }: RunEnding, answer: SettleAnswer): void {
    const { events, onFinished, onCancelled } = this.#init;
    if (attempt !== null) this.leases.drop(attempt);
    this.#unsettled--;
    if (answer === "cancelled") {
      // A job that did not run here is reported elsewhere.
      if (attempt !== null && !attempt.isCancelled) onCancelled(job.id, job.task);
    } else if (answer === "lost") {
      // Reported once; for a job that did not run here, in `recover`.
      if (attempt !== null && !attempt.isLost) events.emit("lost", about(job));
    } else {
      if (isDone(settlement.to)) onFinished();
      this.#emitEnd(job, settlement, attempt);
    }
    this.#host.settled();
  }

  #settleUnrun(job: ClaimedJob, token: string, outcome: Outcome): void {
    const decision = decide(job, outcome, defaultWait, this.#init.random());
    this.#unsettled++;
    this.settler.settle(new RunEnding(settlementOf(job.id, token, decision, null), job, null, this));
  }

  #settle(attempt: Attempt, outcome: Outcome): void {
    const { job, token, definition } = attempt;
    const wait = outcome.kind === "failed" ? safeWait(definition.wait, this.#onError) : defaultWait;
    const decision = decide(job, outcome, wait, this.#init.random());
    attempt.spans?.end(endOf(outcome, decision, attempt.durationMs));
    const settlement = settlementOf(job.id, token, decision, attempt.atHand.takePatch());
    this.settler.settle(new RunEnding(settlement, job, attempt, this));
  }

  #emitEnd(job: ClaimedJob, { to, delayMs, failure }: Settlement, attempt: Attempt | null): void {
    const { events } = this.#init;
    const name = to !== "pending" ? to : failure === null ? "released" : "retrying";
    if (!events.has(name)) return;
    const durationMs = attempt?.durationMs ?? Math.max(0, this.clock.now() - job.attemptedAt);
    const end = { ...about(job), durationMs };
    const error = failure?.message ?? "";
    if (name === "completed") events.emit(name, end);
    else if (name === "failed") events.emit(name, { ...end, error });
    else if (name === "retrying") events.emit(name, { ...end, error, delayMs: delayMs ?? 0 });
    // A job that was claimed but did not run had no `started` event either.
    else if (attempt !== null) events.emit(name, end);
  }

  #cancel(attempt: Attempt): void {
    this.leases.drop(attempt);
    attempt.cancel();
    this.#init.onCancelled(attempt.job.id, attempt.job.task);
  }

  #lose(attempt: Attempt): void {
    this.leases.drop(attempt);
    if (attempt.lose()) this.#init.events.emit("lost", about(attempt.job));
  }
}

class RunEnding implements Ending {
  readonly settlement: Settlement;
  readonly job: ClaimedJob;
  /** `null` for a job that did not run here. */
  readonly attempt: Attempt | null;
  readonly #runs: Runs;

  constructor(settlement: Settlement, job: ClaimedJob, attempt: Attempt | null, runs: Runs) {
    this.settlement = settlement;
    this.job = job;
    this.attempt = attempt;
    this.#runs = runs;
  }

  answered(answer: SettleAnswer): void {
    this.#runs.answered(this, answer);
  }
}

function endOf(outcome: Outcome, { to, delayMs, failure }: Decision, durationMs: number): AttemptEnd {
  const error = "error" in outcome ? outcome.error : null;
  if (to !== "pending") return { outcome: to, error, delayMs: null, durationMs };
  if (failure === null) return { outcome: "released", error, delayMs: null, durationMs };
  return { outcome: "retrying", error, delayMs, durationMs };
}

function about({ id, task, attempts }: ClaimedJob): { jobId: string; task: string; attempt: number } {
  return { jobId: id, task, attempt: attempts };
}
