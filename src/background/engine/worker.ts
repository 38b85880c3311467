import type { ClockMember } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import {
  type ClaimAnswer,
  type ClaimedJob,
  type ClaimRequest,
  type HandedJob,
  RECORD_VERSION,
  type Signal,
  type WorkerPresence,
} from "../core/store.ts";
import { settlesWithin } from "./bounded.ts";
import { defer } from "./defer.ts";
import type { TaskDefinition } from "./definition.ts";
import { EarlyCancels } from "./early-cancels.ts";
import { Grace } from "./grace.ts";
import type { KeepAlive } from "./keep-alive.ts";
import type { Offers } from "./offers.ts";
import { RecoveryPause } from "./recovery-pause.ts";
import { RetryDelay } from "./retry-delay.ts";
import { Runs, type RunsHost, type RunsInit } from "./runs.ts";
import { MIN_FOR_SECOND_CALL, Spacing } from "./spacing.ts";
import { Tokens } from "./tokens.ts";
import { Turns } from "./turns.ts";
import { VERSION } from "./version.ts";

export interface WorkerInit extends RunsInit {
  readonly keepAlive: KeepAlive;
  /** Most jobs to run at a time. */
  readonly slots: number;
  readonly tasks: Iterable<TaskDefinition>;
  /** Shared by the successive workers of a queue: an offer that a stopped worker could not withdraw stands until the next claim. */
  readonly offers: Offers;
  /** Whether the store could not be reached at first: nobody knows for how long it had been away. */
  readonly isAfterOutage: boolean;
  /** Whether this process has asked the store to cancel the job, and awaits its answer. */
  readonly isCancelling: (jobId: string) => boolean;
}

/** How often to ask a durable store for due and lost jobs, whatever it signals. */
const DURABLE_POLL_MS = 1_000;
/** How often to ask the store for lost jobs alone, while every slot is taken. */
const FULL_POLL_MS = 3_000;
/** Most lost jobs that one claim takes over. */
const LOST_LIMIT = 100;
/** How long a stopping worker waits for handlers to heed their signal, then for settlements, and then for its last calls. */
const NOTICE_MS = 2_000;

/** Claims and runs jobs while it has free slots, from `start` to `stop`; it cannot be restarted. */
export class Worker implements RunsHost {
  readonly #init: WorkerInit;
  readonly #tokens = new Tokens();
  readonly #turns = new Turns();
  readonly #offers: Offers;
  readonly #runs: Runs;
  readonly #retryDelay = new RetryDelay();
  readonly #recoveryPause: RecoveryPause;
  #unsubscribe: (() => void)[] = [];
  #phase: "new" | "working" | "stopping" | "stopped" = "new";
  /** Whether there may be jobs to claim. */
  #isClaimDue = true;
  /** Claims in flight, and the slots that they may fill. */
  #claims = 0;
  #reserved = 0;
  /** One for each claim in flight. */
  readonly #earlyCancels = new Set<EarlyCancels>();
  /** Whether jobs of its tasks may wait in the store, due or not. */
  #isMoreWaiting = false;
  /** Staggers the answers to two concurrent claims. */
  readonly #spacing = new Spacing();
  /** Whether the last claim left due jobs behind. */
  #isBacklogged = false;
  /** Whether several workers are alive, as far as the store says. */
  #isShared = false;
  /** Why the last claim failed, if it did. */
  #failure: unknown;
  /** Called at the end of the claim in flight. */
  #claimWaiters: (() => void)[] = [];
  /** Whether this worker, in stopping, has tried to withdraw its offer. */
  #isWithdrawn = false;
  #stopTimer: (() => void) | undefined;
  #onEnded: (() => void) | undefined;
  #onIdle: (() => void) | undefined;
  #grace: Grace | undefined;

  constructor(init: WorkerInit) {
    this.#init = init;
    this.#offers = init.offers;
    this.#runs = new Runs(init, this);
    this.#recoveryPause = new RecoveryPause(init.clock, init.leaseMs);
    for (const definition of init.tasks) this.#turns.add(definition);
  }

  get presence(): WorkerPresence {
    const { tasks, concurrency } = this.#turns;
    return { id: this.#tokens.worker, tasks, slots: this.#init.slots, concurrency, version: VERSION };
  }

  get runningJobs(): ReturnType<ClockMember["runningJobs"]> {
    return Array.from(this.#runs.running, (attempt) => attempt.job);
  }

  /** Whether nothing is being claimed, settled or reported, running handlers aside. */
  get isSettled(): boolean {
    // If there may be something to claim, a claim is in flight: `#changed` begins it at once.
    return this.#claims === 0 && !this.#runs.settler.isBusy && this.#runs.leases.isSettled;
  }

  /** Rejects if claims fail; retries first if the last one did. */
  async checkClaims(): Promise<void> {
    if (this.#failure === undefined) return;
    this.wake();
    if (this.#claims > 0) await new Promise<void>((resolve) => this.#claimWaiters.push(resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Adds a task, whose jobs are claimed from now on. */
  add(definition: TaskDefinition): void {
    this.#turns.add(definition);
    // Announces at once that a worker has this task.
    if (this.#phase === "working") void this.#runs.leases.beat();
    this.wake();
  }

  /** Begins to work. The store must be open. */
  async start(): Promise<void> {
    try {
      await this.#subscribe("ready", (signal) => {
        if (signal.kind !== "ready") return;
        if (signal.handed !== undefined) this.#take(signal.handed);
        if (signal.lanes.some((lane) => this.#turns.hasLane(lane))) this.wake();
      });
      await this.#subscribe("cancelled", (signal) => {
        if (signal.kind !== "cancelled") return;
        this.#verify(signal.ids, signal.isAfterGap);
        for (const cancels of this.#earlyCancels) cancels.hinted(signal.ids, signal.isAfterGap);
      });
    } catch (error) {
      this.#unsubscribeAll();
      throw error;
    }
    if (this.#phase === "stopped") {
      this.#unsubscribeAll();
      return;
    }
    this.#phase = "working";
    this.#recoveryPause.answered();
    if (this.#init.store.isRemote && this.#init.isAfterOutage) this.#recoveryPause.begin();
    void this.#runs.leases.beat();
    this.wake();
  }

  /** Claims soon, since there may be something to claim. */
  wake(): void {
    this.#isClaimDue = true;
    this.#changed();
  }

  /** Tells the job's attempt, if it runs here, that it was cancelled. */
  cancelled(jobId: string): void {
    for (const cancels of this.#earlyCancels) cancels.cancelled(jobId);
    this.#offers.cancelled(jobId);
    this.#runs.cancelled(jobId);
    // It may have been the job for which the process is kept alive.
    if (this.#isMoreWaiting && !this.#init.store.isDurable) this.wake();
  }

  /** Stops claiming, waits for handlers, aborts their signals, hands back the remaining jobs; each step is bounded. */
  async stop(graceMs: number): Promise<void> {
    if (this.#phase === "new") this.#phase = "stopped";
    if (this.#phase !== "working") return;
    this.#phase = "stopping";
    this.#stopTimer?.();
    this.#recoveryPause.end();
    const { running, settler, leases } = this.#runs;
    this.#withdrawOnce();
    const grace = new Grace(graceMs);
    this.#grace = grace;
    await grace.wait(this.#ended());
    for (const attempt of running) attempt.stop();
    if (running.size > 0) await settlesWithin(Math.min(grace.ms, NOTICE_MS), this.#ended());
    for (const attempt of [...running]) attempt.release();
    settler.hurry();
    await settlesWithin(NOTICE_MS, this.#ended());
    // After the last heartbeat, which would show the worker as alive again.
    const left = leases.stop().then(() => this.#leave());
    // At the same time: if the store is away, each of these calls takes as long as it may.
    await settlesWithin(NOTICE_MS, Promise.allSettled([this.#idle(), left]));
    this.#unsubscribeAll();
    this.#phase = "stopped";
    this.#init.keepAlive.set("running", false);
  }

  /** Shortens the grace of a stop in progress to at most `graceMs` from now on. */
  hurry(graceMs: number): void {
    this.#grace?.shorten(graceMs);
  }

  freed(task: string): void {
    if (this.#turns.ended(task)) this.#isClaimDue = true;
    this.#changed();
  }

  settled(): void {
    this.#changed();
  }

  /** Resolves once no handler is running and everything is settled. */
  #ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnded = resolve;
      this.#changed();
    });
  }

  /** Resolves once, besides, no claim is in flight. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#changed();
    });
  }

  /** Deregisters the worker, which would otherwise count as alive until its presence expires. */
  async #leave(): Promise<void> {
    const { store, leaseMs } = this.#init;
    await store.heartbeat({ worker: this.presence, presenceMs: 0, leaseMs, beats: [] });
  }

  async #subscribe(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<void> {
    this.#unsubscribe.push(await this.#init.store.subscribe(kind, listener));
  }

  #unsubscribeAll(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  get #freeSlots(): number {
    const { slots } = this.#init;
    const { running, unsettled } = this.#runs;
    // While the store accepts no settlements, they must not pile up.
    return Math.min(slots - running.size, 2 * slots - unsettled) - this.#reserved;
  }

  /** Called after any change that may let the worker claim, become idle, or let its process exit. */
  #changed(): void {
    const { keepAlive, store } = this.#init;
    const { running, unsettled } = this.#runs;
    const isBusy = running.size + unsettled > 0;
    if (this.#phase !== "stopped") keepAlive.set("running", isBusy);
    if (!store.isDurable && this.#phase === "working")
      keepAlive.set("backlog", this.#isClaimDue || this.#claims > 0 || this.#isMoreWaiting);
    if (!isBusy) this.#onEnded?.();
    if (!isBusy && this.#claims === 0) this.#onIdle?.();
    if (this.#phase !== "working" || !this.#isClaimDue || this.#claims >= this.#maxClaims || this.#freeSlots <= 0)
      return;
    this.#takeTurn();
  }

  /** Apart from `#changed`: a function with a closure in it allocates at each call, and that one is called often. */
  #takeTurn(): void {
    this.#claims++;
    defer(this.#init.store, () => this.#turn());
  }

  async #turn(): Promise<void> {
    try {
      await this.#renewIfLate();
      // A job handed over, or unsettled attempts, may have used up the slots meanwhile; then it claims later.
      if (this.#phase === "working" && this.#freeSlots > 0) await this.#claim();
      else this.#wakeIn(FULL_POLL_MS);
      this.#retryDelay.reset();
    } catch (error) {
      this.#isClaimDue = false;
      this.#isMoreWaiting = true;
      this.#failed(error);
      this.#wakeIn(this.#retryDelay.next(this.#init.random()));
    }
    this.#answered();
  }

  /** A worker that was busy or asleep must not claim its own jobs as lost. */
  async #renewIfLate(): Promise<void> {
    const { leases } = this.#runs;
    if (leases.isOverdue) await leases.beat();
    if (leases.isOverdue)
      throw new JobError("queue_unavailable", "Leases could not be renewed, so no jobs are claimed.");
  }

  #failed(error: unknown): void {
    this.#failure = error;
    this.#init.outage.failed("claim", error);
  }

  #answered(): void {
    this.#claims--;
    if (this.#phase === "stopping") this.#withdrawOnce();
    for (const tell of this.#claimWaiters.splice(0)) tell();
    this.#changed();
  }

  /** With a remote store, a second claim uses the time for which the first one is in flight. */
  get #mayOverlap(): boolean {
    return this.#init.store.isRemote && this.#isBacklogged;
  }

  get #maxClaims(): number {
    const { slots } = this.#init;
    // With few slots, half of them justify a second claim.
    const isWorthIt = this.#isShared
      ? this.#freeSlots > slots / 2
      : this.#freeSlots >= Math.min(MIN_FOR_SECOND_CALL, slots / 2);
    return this.#mayOverlap && isWorthIt ? 2 : 1;
  }

  /** One of two claims leaves slots for the other; but several workers keep a store busy, and fewer calls cost it less. */
  get #maxJobs(): number {
    return this.#mayOverlap && !this.#isShared ? Math.ceil(this.#init.slots / 2) : this.#init.slots;
  }

  async #claim(): Promise<void> {
    const { clock } = this.#init;
    const isOneOfTwo = this.#mayOverlap;
    const limit = Math.min(this.#freeSlots, this.#maxJobs);
    const claimedAt = clock.now();
    const token = this.#tokens.next();
    this.#isClaimDue = isOneOfTwo;
    this.#reserved += limit;
    const lanes = this.#turns.next(limit);
    const cancels = new EarlyCancels();
    this.#earlyCancels.add(cancels);
    try {
      const request = { token, limit, lanes, lostLimit: this.#lostLimit() };
      const { jobs, nextDueMs, handed, isShared = false } = await this.#sendClaim(request, !isOneOfTwo);
      if (isOneOfTwo) await this.#spacing.next();
      this.#isBacklogged = nextDueMs === 0;
      this.#isShared = isShared;
      this.#isMoreWaiting = nextDueMs !== null;
      // After a full page of lost jobs there are probably more. And a store may signal new jobs only to workers whose last
      // claim left slots free, so that a claim that filled them all must be followed by another.
      const taken = jobs.length + (handed === undefined ? 0 : 1);
      if (nextDueMs === 0 || taken >= limit || jobs[LOST_LIMIT - 1]?.isLost) this.#isClaimDue = true;
      const wakeMs = Math.min(nextDueMs || this.#pollMs, this.#pollMs);
      this.#wakeIn(wakeMs, nextDueMs === null ? Number.POSITIVE_INFINITY : Math.max(0, nextDueMs - wakeMs));
      for (const job of jobs) this.#begin(job, token, claimedAt, cancels);
      this.#verify(cancels.hints, cancels.isAfterGap);
    } finally {
      // Only once the jobs have begun: until then their slots must stay reserved.
      this.#reserved -= limit;
      this.#turns.answered(lanes);
      this.#earlyCancels.delete(cancels);
    }
  }

  /** Asks the store which of these jobs were cancelled; after a gap, which of all that run here. */
  #verify(ids: readonly string[], isAfterGap = false): void {
    const { leases } = this.#runs;
    if (isAfterGap) void leases.beat();
    else leases.verify(ids);
  }

  /** Takes over jobs that other workers lost while every slot is taken here: settling them needs none. */
  async #recover(): Promise<void> {
    this.#claims++;
    const token = this.#tokens.next();
    try {
      await this.#renewIfLate();
      const { jobs } = await this.#sendClaim({ token, limit: 0, lanes: [], lostLimit: this.#lostLimit() }, false);
      for (const job of jobs) this.#runs.recover(job, token);
    } catch (error) {
      this.#failed(error);
    }
    this.#wakeIn(FULL_POLL_MS);
    this.#answered();
  }

  #begin(job: ClaimedJob, token: string, claimedAt: number, cancels: EarlyCancels): void {
    const definition = this.#turns.definitionOf(job.task);
    const now = this.#init.clock.now();
    if (job.isLost) this.#runs.recover(job, token);
    else if (
      definition === undefined ||
      this.#phase !== "working" ||
      cancels.isCancelled(job.id) ||
      this.#init.isCancelling(job.id)
    )
      // The cancel may have come first, and then a retry by hand; handed back, the job is claimed again.
      this.#runs.handBack(job, token);
    else if (this.#runs.leases.isOver(claimedAt, now)) {
      // While this process stood still, another worker may have run the job.
      this.#init.events.report(
        new JobError(
          "lease_lost",
          `Job ${job.id} of task '${job.task}' was claimed ${Math.round(now - claimedAt)} ms before it could start, and its lease has expired or nearly so: it goes back to its queue. This process was suspended or busy computing for that long, or the network is too slow; in the last case raise the lease.`,
          { jobId: job.id, task: job.task },
        ),
      );
      this.#runs.handBack(job, token);
    } else {
      this.#turns.began(job.task);
      this.#runs.start(job, definition, token, claimedAt, now);
    }
  }

  /** Begins a job that the store handed over, unless it has begun already. */
  #take({ token, job }: HandedJob): void {
    const offer = this.#offers.take(token);
    if (offer !== undefined) this.#begin(job, token, offer.madeAt, offer.cancels);
    // A failover may have revived an offer that was over, and then nobody runs what it received.
    else if (this.#runs.leases.get(job.id)?.token !== token) this.#runs.handBack(job, token);
  }

  /** Waits for claims in flight: one of them may reach the store after the withdrawal of the offer that it makes. */
  #withdrawOnce(): void {
    const isNeeded = this.#offers.standing !== null || this.#failure !== undefined;
    if (isNeeded && this.#claims === 0 && !this.#isWithdrawn) void this.#withdraw();
  }

  /**
   * Withdraws the offer of a stopping worker. A job that was handed over unnoticed is handed back at once, and so is what a claim
   * took whose answer was lost: stores do that before the next claim, and this is the last.
   */
  async #withdraw(): Promise<void> {
    this.#claims++;
    this.#isWithdrawn = true;
    try {
      await this.#sendClaim({ token: this.#tokens.next(), limit: 0, lanes: [], lostLimit: 0 }, false);
    } catch {
      // The offer soon expires by itself, and a job handed over under it is recovered once its lease has expired.
    }
    this.#answered();
  }

  /** Sends a claim, with an offer if it may leave a slot free, and begins a job handed over under the previous offer. */
  async #sendClaim(
    { token, limit, lanes, lostLimit }: Pick<ClaimRequest, "token" | "limit" | "lanes" | "lostLimit">,
    isOffering: boolean,
  ): Promise<ClaimAnswer> {
    const { store, clock, leaseMs, outage } = this.#init;
    const sentAt = clock.now();
    const offered = this.#offers.standing;
    // The lease of a job handed over counts from its offer, which must not be most of a lease ago.
    const mayOffer = store.handsOver === true && leaseMs >= 3 * DURABLE_POLL_MS;
    const offer = isOffering && mayOffer ? this.#tokens.next() : null;
    this.#offers.make(offer, sentAt);
    const request = {
      worker: this.#tokens.worker,
      token,
      lanes,
      limit,
      lostLimit,
      leaseMs,
      maxVersion: RECORD_VERSION,
      offer,
      offered,
    };
    const answer = await store.claim(request).catch((error) => {
      this.#offers.failed(offer, offered);
      throw error;
    });
    this.#failure = undefined;
    this.#recoveryPause.answered();
    outage.passed("claim");
    if (answer.handed !== undefined) this.#take(answer.handed);
    this.#offers.end(offered);
    return answer;
  }

  #lostLimit(): number {
    if (this.#init.store.isRemote && this.#failure !== undefined) this.#recoveryPause.beginIfLong();
    return this.#recoveryPause.isOn ? 0 : LOST_LIMIT;
  }

  #wakeIn(ms: number, slackMs = 0): void {
    this.#stopTimer?.();
    if (this.#phase === "working") this.#stopTimer = this.#init.clock.after(ms, () => this.#poll(), slackMs);
  }

  get #pollMs(): number {
    const { store, leaseMs } = this.#init;
    return store.isDurable ? DURABLE_POLL_MS : leaseMs / 3;
  }

  #poll(): void {
    // With all slots taken, the next claim follows once one is free.
    this.wake();
    if (this.#claims > 0 || this.#freeSlots > 0) return;
    // While the store accepts no settlements, recovering would pile up more of them.
    if (this.#runs.unsettled < this.#init.slots) void this.#recover();
    else this.#wakeIn(FULL_POLL_MS);
  }
}
