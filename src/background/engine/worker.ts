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
import type { TaskDefinition } from "./definition.ts";
import { Grace } from "./grace.ts";
import type { Hold } from "./hold.ts";
import { Meanwhile } from "./meanwhile.ts";
import { Offers } from "./offers.ts";
import { Patience } from "./patience.ts";
import { Runs, type RunsHost, type RunsInit } from "./runs.ts";
import { soon } from "./soon.ts";
import { Spacing, WORTH_A_SECOND } from "./spacing.ts";
import { Tokens } from "./tokens.ts";
import { Turns } from "./turns.ts";
import { VERSION } from "./version.ts";

export interface WorkerInit extends RunsInit {
  readonly hold: Hold;
  /** Jobs at a time. */
  readonly slots: number;
  readonly tasks: Iterable<TaskDefinition>;
}

/** How often a store that others share is asked for due and lost jobs, whatever it signals. */
const DURABLE_POLL_MS = 1_000;
/** And how often it is asked for lost jobs alone, while every slot is taken. */
const FULL_POLL_MS = 3_000;
/** Lost jobs that one claim brings back. */
const LOST_LIMIT = 100;
/** How long a worker that stops waits for handlers to heed their signal, and for the store to take what is left. */
const NOTICE_MS = 2_000;

/** Claims jobs while it has free slots. It works from `start` to `stop`, once. */
export class Worker implements RunsHost {
  readonly #init: WorkerInit;
  readonly #tokens = new Tokens();
  readonly #turns = new Turns();
  readonly #offers = new Offers();
  readonly #runs: Runs;
  readonly #patience = new Patience();
  #unsubscribe: (() => void)[] = [];
  #phase: "new" | "working" | "stopping" | "stopped" = "new";
  /** There may be jobs to claim. */
  #isHungry = true;
  /** Claims under way, and the slots that they may fill. */
  #claims = 0;
  #reserved = 0;
  /** One for each of them. */
  readonly #meanwhile = new Set<Meanwhile>();
  #isMoreWaiting = false;
  /** Between taking up the answers to two claims. */
  readonly #spacing = new Spacing();
  /** The last claim left jobs that are due. */
  #isPlenty = false;
  /** Several workers live, as far as the store tells. */
  #isShared = false;
  #stopTimer: (() => void) | undefined;
  #onIdle: (() => void) | undefined;
  #grace: Grace | undefined;

  constructor(init: WorkerInit) {
    this.#init = init;
    this.#runs = new Runs(init, this);
    for (const definition of init.tasks) this.#turns.add(definition);
  }

  get presence(): WorkerPresence {
    const { tasks, concurrency } = this.#turns;
    return { id: this.#tokens.worker, tasks, slots: this.#init.slots, concurrency, version: VERSION };
  }

  get runningJobs(): readonly string[] {
    return Array.from(this.#runs.running, (attempt) => attempt.job.id);
  }

  /** Whether nothing is being claimed, settled or reported, handlers left aside. */
  get isSettled(): boolean {
    const isToClaim = this.#phase === "working" && this.#isHungry && this.#freeSlots > 0;
    return this.#claims === 0 && !isToClaim && !this.#runs.settler.isBusy && this.#runs.leases.isSettled;
  }

  /** A task to work for, from now on. */
  add(definition: TaskDefinition): void {
    this.#turns.add(definition);
    // Others are to know at once that somebody has this task.
    if (this.#phase === "working") void this.#runs.leases.beat();
    this.wake();
  }

  /** Begins to work; the store is open. */
  async start(): Promise<void> {
    try {
      await this.#listen("ready", (signal) => {
        if (signal.kind !== "ready") return;
        if (signal.handed !== undefined) this.#take(signal.handed);
        if (signal.lanes.some((lane) => this.#turns.hasLane(lane))) this.wake();
      });
      await this.#listen("cancelled", (signal) => {
        if (signal.kind !== "cancelled") return;
        this.#runs.leases.ask(signal.ids);
        for (const meanwhile of this.#meanwhile) meanwhile.hinted(signal.ids);
      });
    } catch (error) {
      this.#deafen();
      throw error;
    }
    if (this.#phase === "stopped") {
      this.#deafen();
      return;
    }
    this.#phase = "working";
    void this.#runs.leases.beat();
    this.wake();
  }

  /** There may be something to claim. */
  wake(): void {
    this.#isHungry = true;
    this.#changed();
  }

  /** A job was cancelled: its attempt, if it runs here, learns it now. */
  cancelled(jobId: string): void {
    for (const meanwhile of this.#meanwhile) meanwhile.cancelled(jobId);
    this.#offers.cancelled(jobId);
    this.#runs.cancelled(jobId);
    // It may have been what the process was kept alive for.
    if (this.#isMoreWaiting && !this.#init.store.isDurable) this.wake();
  }

  /** Stops claiming, waits for handlers, aborts their signals, hands back what is left; each step bounded. */
  async stop(graceMs: number): Promise<void> {
    if (this.#phase === "new") this.#phase = "stopped";
    if (this.#phase !== "working") return;
    this.#phase = "stopping";
    this.#stopTimer?.();
    const { running, settler, leases } = this.#runs;
    if (this.#offers.standing !== null) void this.#withdraw();
    const grace = new Grace(graceMs);
    this.#grace = grace;
    await grace.wait(this.#idle());
    for (const attempt of running) attempt.stop();
    if (running.size > 0) await settlesWithin(Math.min(grace.ms, NOTICE_MS), this.#idle());
    for (const attempt of [...running]) attempt.release();
    settler.hurry();
    await settlesWithin(NOTICE_MS, this.#idle());
    this.#deafen();
    leases.stop();
    await settlesWithin(NOTICE_MS, this.#leave());
    this.#phase = "stopped";
    this.#init.hold.set("running", false);
  }

  /** While it stops, handlers have no longer than that from now on. */
  hurry(graceMs: number): void {
    this.#grace?.shorten(graceMs);
  }

  freed(task: string): void {
    if (this.#turns.ended(task)) this.#isHungry = true;
    this.#changed();
  }

  settled(): void {
    this.#changed();
  }

  /** Resolves once no handler runs and all is settled. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#changed();
    });
  }

  /** Without it the worker would be taken for alive until its presence runs out. */
  async #leave(): Promise<void> {
    const { store, leaseMs } = this.#init;
    await store.heartbeat({ worker: this.presence, presenceMs: 0, leaseMs, beats: [] });
  }

  async #listen(kind: Signal["kind"], listener: (signal: Signal) => void): Promise<void> {
    this.#unsubscribe.push(await this.#init.store.subscribe(kind, listener));
  }

  #deafen(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  get #freeSlots(): number {
    const { slots } = this.#init;
    const { running, unsettled } = this.#runs;
    // While a store takes no settlements, they must not grow without end.
    return Math.min(slots - running.size, 2 * slots - unsettled) - this.#reserved;
  }

  /** Whatever may let the worker claim, end its process or call itself idle leads here. */
  #changed(): void {
    const { hold, store } = this.#init;
    const { running, unsettled } = this.#runs;
    const isBusy = running.size + unsettled > 0;
    if (this.#phase !== "stopped") hold.set("running", isBusy);
    if (!store.isDurable && this.#phase === "working")
      hold.set("backlog", this.#isHungry || this.#claims > 0 || this.#isMoreWaiting);
    if (!isBusy && this.#claims === 0) this.#onIdle?.();
    if (this.#phase !== "working" || !this.#isHungry || this.#claims >= this.#mostClaims || this.#freeSlots <= 0)
      return;
    this.#takeTurn();
  }

  /** Apart from what decides on it: a function that holds another takes memory each time it is called. */
  #takeTurn(): void {
    this.#claims++;
    soon(this.#init.store, () => this.#turn());
  }

  async #turn(): Promise<void> {
    try {
      await this.#renewIfLate();
      // Slots may have been taken meanwhile by attempts to settle; the worker stays hungry then.
      if (this.#phase === "working" && this.#freeSlots > 0) await this.#claim();
      this.#patience.reset();
    } catch (error) {
      this.#isHungry = false;
      this.#isMoreWaiting = true;
      this.#init.outage.failed("claim", error);
      this.#wakeIn(this.#patience.next(this.#init.random()));
    }
    this.#answered();
  }

  /** Who was busy or asleep must not take its own jobs for lost. */
  async #renewIfLate(): Promise<void> {
    const { leases } = this.#runs;
    if (leases.isOverdue) await leases.beat();
    if (leases.isOverdue)
      throw new JobError("queue_unavailable", "Leases could not be renewed, so that nothing is claimed.");
  }

  #answered(): void {
    this.#claims--;
    this.#changed();
  }

  /** With a network between, a second call fills the time in which the first one travels. */
  get #mayBeTwo(): boolean {
    return this.#init.store.isRemote && this.#isPlenty;
  }

  get #mostClaims(): number {
    const { slots } = this.#init;
    // Where there are few slots, half of them are worth it.
    const isWorthIt = this.#isShared
      ? this.#freeSlots > slots / 2
      : this.#freeSlots >= Math.min(WORTH_A_SECOND, slots / 2);
    return this.#mayBeTwo && isWorthIt ? 2 : 1;
  }

  /** One of two leaves slots for the other. Several workers keep a store busy as it is, and fewer calls cost it less. */
  get #mostJobs(): number {
    return this.#mayBeTwo && !this.#isShared ? Math.ceil(this.#init.slots / 2) : this.#init.slots;
  }

  async #claim(): Promise<void> {
    const { clock } = this.#init;
    const isOneOfTwo = this.#mayBeTwo;
    const limit = Math.min(this.#freeSlots, this.#mostJobs);
    const claimedAt = clock.now();
    const token = this.#tokens.next();
    this.#isHungry = isOneOfTwo;
    this.#reserved += limit;
    const lanes = this.#turns.next(limit);
    const meanwhile = new Meanwhile();
    this.#meanwhile.add(meanwhile);
    try {
      const request = { token, limit, lanes, lostLimit: LOST_LIMIT };
      const { jobs, nextDueMs, handed, isShared = false } = await this.#ask(request, isOneOfTwo);
      if (isOneOfTwo) await this.#spacing.next();
      this.#isPlenty = nextDueMs === 0;
      this.#isShared = isShared;
      this.#isMoreWaiting = nextDueMs !== null;
      // A full page of lost jobs seldom is all of them. And a store may tell those alone of new jobs whose last claim left
      // slots free, so one that left none is followed by another.
      const taken = jobs.length + (handed === undefined ? 0 : 1);
      if (nextDueMs === 0 || taken >= limit || jobs[LOST_LIMIT - 1]?.isLost) this.#isHungry = true;
      const wakeMs = Math.min(nextDueMs || this.#pollMs, this.#pollMs);
      this.#wakeIn(wakeMs, nextDueMs === null ? Number.POSITIVE_INFINITY : Math.max(0, nextDueMs - wakeMs));
      for (const job of jobs) this.#begin(job, token, claimedAt, meanwhile);
      this.#runs.leases.ask(meanwhile.hints);
    } finally {
      // Not before the jobs have begun: until then their slots are theirs.
      this.#reserved -= limit;
      this.#turns.answered(lanes);
      this.#meanwhile.delete(meanwhile);
    }
  }

  /** With every slot taken it still looks for jobs that other workers lost: to settle one takes none. */
  async #recover(): Promise<void> {
    this.#claims++;
    const token = this.#tokens.next();
    try {
      await this.#renewIfLate();
      const { jobs } = await this.#ask({ token, limit: 0, lanes: [], lostLimit: LOST_LIMIT }, true);
      for (const job of jobs) this.#runs.recover(job, token);
    } catch (error) {
      this.#init.outage.failed("claim", error);
    }
    this.#wakeIn(FULL_POLL_MS);
    this.#answered();
  }

  #begin(job: ClaimedJob, token: string, claimedAt: number, meanwhile?: Meanwhile): void {
    const definition = this.#turns.definitionOf(job.task);
    const now = this.#init.clock.now();
    if (job.isLost) this.#runs.recover(job, token);
    else if (definition === undefined || this.#phase !== "working" || meanwhile?.isCancelled(job.id))
      // One that was cancelled may have been retried since, and then goes back to be claimed anew.
      this.#runs.handBack(job, token);
    else if (this.#runs.leases.isOver(claimedAt, now)) {
      // While this process stood still, another may have had it.
      this.#init.events.report(
        new JobError(
          "lease_lost",
          `Job ${job.id} of task '${job.task}' was claimed ${Math.round(now - claimedAt)} ms before it could begin, and its lease is over or nearly so: it goes back to its queue. This process was stopped or computed for as long, or the network is that slow: then raise the lease.`,
          { jobId: job.id, task: job.task },
        ),
      );
      this.#runs.handBack(job, token);
    } else {
      this.#turns.began(job.task);
      this.#runs.start(job, definition, token, claimedAt, now);
    }
  }

  /** Begins a job that the store handed over, unless it did before. */
  #take({ token, job }: HandedJob): void {
    const offer = this.#offers.take(token);
    if (offer !== undefined) this.#begin(job, token, offer.madeAt, offer.meanwhile);
  }

  /** A worker that stops takes its offer back; what came of it unheard is handed back at once. */
  async #withdraw(): Promise<void> {
    this.#claims++;
    try {
      await this.#ask({ token: this.#tokens.next(), limit: 0, lanes: [], lostLimit: 0 }, true);
    } catch {
      // The offer ends by itself soon, and what came of it by its lease.
    }
    this.#answered();
  }

  /** A claim that leaves no slot free need not offer one. What came of the offer that it ends begins with its answer. */
  async #ask(
    { token, limit, lanes, lostLimit }: Pick<ClaimRequest, "token" | "limit" | "lanes" | "lostLimit">,
    isFull: boolean,
  ): Promise<ClaimAnswer> {
    const { store, clock, leaseMs, outage } = this.#init;
    const sentAt = clock.now();
    const offered = this.#offers.standing;
    // What is handed over counts as renewed since it was offered, which must not be most of a lease ago.
    const mayOffer = store.handsOver === true && leaseMs >= 3 * DURABLE_POLL_MS;
    const offer = isFull || !mayOffer ? null : this.#tokens.next();
    this.#offers.make(offer, sentAt);
    const answer = await store.claim({
      worker: this.#tokens.worker,
      token,
      lanes,
      limit,
      lostLimit,
      leaseMs,
      maxVersion: RECORD_VERSION,
      offer,
      offered,
    });
    outage.passed("claim");
    if (answer.handed !== undefined) this.#take(answer.handed);
    this.#offers.forgetBefore(sentAt);
    return answer;
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
    // With all slots taken it is when one is free that there is something to claim.
    this.wake();
    if (this.#claims > 0 || this.#freeSlots > 0) return;
    // While a store takes no settlements, there would be ever more to settle.
    if (this.#runs.unsettled < this.#init.slots) void this.#recover();
    else this.#wakeIn(FULL_POLL_MS);
  }
}
