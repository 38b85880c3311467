import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import type { Beat, ClaimedJob, HeldAnswer, Store, WorkerPresence } from "../core/store.ts";
import { listed } from "../core/text.ts";
import type { Attempt } from "./attempt.ts";
import type { Outage } from "./outage.ts";
import { patchBytes, portionEnd } from "./portion.ts";
import { systemClock } from "./system-clock.ts";

export interface LeasesInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly presence: () => WorkerPresence;
  readonly outage: Outage;
  readonly onError: (error: unknown) => void;
  /** An attempt no longer owns its job: the store says so, or the lease has run out. */
  readonly onGone: (attempt: Attempt, how: "cancelled" | "lost") => void;
}

/** Most jobs that one message names. */
const MAX_SHOWN = 5;
/** Reports go to a durable store at most this often, since each call costs a disk or a network something. */
const REPORT_EVERY_MS = 200;

/**
 * Keeps the leases of all attempts of a worker: one heartbeat for all of them every third of the lease, even if there are
 * none, since it also shows that the worker is alive. Reports of attempts go with it, or earlier in a call of their own.
 */
export class Leases {
  readonly #init: LeasesInit;
  readonly #held = new Map<string, Attempt>();
  readonly #reporting = new Set<Attempt>();
  /** Attempts with a report in a heartbeat in flight: the settlement of one that ends meanwhile waits for the answer. */
  readonly #carried = new Map<Attempt, (() => void) | undefined>();
  #beating: Promise<void> | undefined;
  #isBeatDue = false;
  #isStopped = false;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #stopTimer: (() => void) | undefined;
  #stopReportTimer: (() => void) | undefined;
  #stopWatch: (() => void) | undefined;

  constructor(init: LeasesInit) {
    this.#init = init;
  }

  /** Resolves once no heartbeat is in flight any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#isBeatDue = false;
    this.#stopTimer?.();
    this.#stopReportTimer?.();
    this.#stopWatch?.();
    this.#reporting.clear();
    await this.#beating;
  }

  /** Whether nothing is being sent to the store or about to be. */
  get isSettled(): boolean {
    return this.#beating === undefined && this.#reporting.size === 0;
  }

  /** Whether a heartbeat is late, because the process was busy or asleep. */
  get isOverdue(): boolean {
    const { clock, leaseMs } = this.#init;
    const before = clock.now() - leaseMs / 2;
    for (const { renewedAt } of this.#held.values()) if (renewedAt <= before) return true;
    return false;
  }

  /** Whether a lease last renewed at `renewedAt` counts as lost here: before it does in the store, to leave time to stop. */
  isOver(renewedAt: number, now: number): boolean {
    return renewedAt <= now - (this.#init.leaseMs * 5) / 6;
  }

  add(attempt: Attempt): void {
    this.#held.set(attempt.job.id, attempt);
  }

  drop(attempt: Attempt): void {
    if (this.#held.get(attempt.job.id) === attempt) this.#held.delete(attempt.job.id);
    this.#reporting.delete(attempt);
  }

  get(id: string): Attempt | undefined {
    return this.#held.get(id);
  }

  /** Sends an attempt's report, at once if it is the first in a while. `false` if the attempt is no longer held. */
  report(attempt: Attempt): boolean {
    if (this.#held.get(attempt.job.id) !== attempt) return false;
    this.#reporting.add(attempt);
    this.#scheduleReport();
    return true;
  }

  /** Checks with the store now whether those of these jobs that are running here are still held. */
  verify(ids: readonly string[]): void {
    const attempts = ids.flatMap((id) => this.#held.get(id) ?? []).filter((attempt) => !attempt.isOver);
    for (const attempt of attempts) this.#reporting.add(attempt);
    if (attempts.length > 0) void this.#run();
  }

  /** Whether a heartbeat in flight carries a report of this attempt. */
  isCarrying(attempt: Attempt): boolean {
    return this.#carried.has(attempt);
  }

  /** Calls back when that heartbeat has been answered; if it failed, the attempt has its report back by then. */
  whenCarried(attempt: Attempt, callback: () => void): void {
    this.#carried.set(attempt, callback);
  }

  /** Renews all leases now; resolves once that has succeeded or failed. */
  beat(): Promise<void> {
    this.#isBeatDue = true;
    return this.#run();
  }

  #run(): Promise<void> {
    // It would show a worker that has left as alive again.
    if (this.#isStopped) return Promise.resolve();
    this.#beating ??= this.#send();
    return this.#beating;
  }

  async #send(): Promise<void> {
    do {
      const isBeat = this.#isBeatDue;
      this.#isBeatDue = false;
      this.#watch();
      const sentAt = this.#init.clock.now();
      const isStored = await this.#renew([...(isBeat ? this.#held.values() : this.#reporting)], sentAt);
      if (isBeat) this.#scheduleBeat(isStored, sentAt);
    } while (this.#isBeatDue);
    this.#stopWatch?.();
    // In the same step as the last look at what is due, or a heartbeat asked for in between would be forgotten.
    this.#beating = undefined;
    if (this.#reporting.size > 0) this.#scheduleReport();
  }

  /** Gives up expired leases also while a heartbeat gets no answer. */
  #watch(): void {
    const { clock, leaseMs } = this.#init;
    const everyMs = leaseMs / 12;
    const dueAt = clock.now() + everyMs;
    this.#stopWatch?.();
    this.#stopWatch = clock.after(everyMs, () => {
      // Late by as much again, the process stood still: an answer may have come, and is read before the next time.
      if (clock.now() < dueAt + everyMs) this.#loseExpired();
      this.#watch();
    });
  }

  /** The next heartbeat counts from when the last was sent, as the lease does, however late its answer was read. */
  #scheduleBeat(isStored: boolean, sentAt: number): void {
    const { leaseMs, clock } = this.#init;
    if (!isStored) this.#loseExpired();
    this.#stopTimer?.();
    if (this.#isStopped) return;
    const everyMs = leaseMs / 3;
    // Never later than that, even if the clock has been set back meanwhile.
    const inMs = isStored ? Math.max(0, Math.min(everyMs, sentAt + everyMs - clock.now())) : leaseMs / 12;
    const dueAt = clock.now() + inMs;
    const beat = () => {
      this.#reportStandstill(clock.now() - dueAt);
      void this.beat();
    };
    this.#stopTimer = clock.after(inMs, beat, this.#held.size === 0 ? Number.POSITIVE_INFINITY : 0);
  }

  /** Names the jobs that may block the event loop: from outside, this worker only seems to be gone. */
  #reportStandstill(lateMs: number): void {
    if (lateMs <= this.#init.leaseMs / 3 || this.#held.size === 0) return;
    const jobs = Array.from(this.#held.values(), ({ job }) => job);
    // One job of each task first: what matters is which handlers compute.
    const ofEachTask = Map.groupBy(jobs, ({ task }) => task).values();
    const ordered = new Set([...Array.from(ofEachTask, ([first]) => first as ClaimedJob), ...jobs]);
    const named = Array.from(ordered, ({ id, task }) => `${task} (${id})`);
    this.#init.onError(
      new JobError(
        "event_loop_blocked",
        `The event loop of this process was blocked for ${Math.round(lateMs)} ms, so the leases of these jobs could not be renewed: ${listed(named, MAX_SHOWN)}. A handler computed for that long without a pause, or the machine slept. Move such work to a worker thread, or raise the lease.`,
      ),
    );
  }

  async #renew(attempts: readonly Attempt[], sentAt: number): Promise<boolean> {
    const { clock, leaseMs, outage } = this.#init;
    this.#reportedAt = performance.now();
    const beats = attempts.map((attempt) => this.#beatOf(attempt));
    const isOneCall = portionEnd(beats, 0, beats.length, bytesOf) === beats.length;
    let begin = 0;
    let renewedAt = isOneCall ? sentAt : Number.NEGATIVE_INFINITY;
    try {
      // Even without beats: the call shows that the worker is alive.
      do {
        if (clock.now() - renewedAt >= leaseMs / 3) {
          // First and in between: reports can take long or fail, and no lease may wait for those of another job.
          renewedAt = clock.now();
          const held = [...this.#held.values()];
          await this.#call(held, held.map(beatWithout), renewedAt);
        }
        const end = portionEnd(beats, begin, beats.length, bytesOf);
        const carried = attempts.slice(begin, end);
        await this.#call(carried, beats.slice(begin, end), renewedAt);
        this.#landed(carried);
        begin = end;
      } while (begin < beats.length);
      outage.passed("renew");
      return true;
    } catch (error) {
      for (let index = begin; index < beats.length; index++) {
        const { patch } = beats[index] as Beat;
        // It goes with the next heartbeat, or with the settlement.
        if (patch !== null) attempts[index]?.atHand.putBack(patch);
      }
      this.#landed(attempts.slice(begin));
      outage.failed("renew", error);
      return false;
    }
  }

  async #call(attempts: readonly Attempt[], beats: readonly Beat[], sentAt: number): Promise<void> {
    const { store, leaseMs, presence } = this.#init;
    const answers = await store.heartbeat({ worker: presence(), presenceMs: leaseMs, leaseMs, beats });
    for (const [index, attempt] of attempts.entries()) this.#conclude(attempt, answers[index] as HeldAnswer, sentAt);
  }

  #beatOf(attempt: Attempt): Beat {
    const patch = attempt.atHand.takePatch();
    this.#reporting.delete(attempt);
    if (patch !== null) this.#carried.set(attempt, undefined);
    return { id: attempt.job.id, token: attempt.token, patch };
  }

  #landed(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      const callback = this.#carried.get(attempt);
      this.#carried.delete(attempt);
      callback?.();
    }
  }

  #conclude(attempt: Attempt, answer: HeldAnswer, sentAt: number): void {
    if (answer === "held") attempt.renewedAt = sentAt;
    else if (this.#held.get(attempt.job.id) === attempt) this.#init.onGone(attempt, answer);
  }

  #loseExpired(): void {
    const { clock, onGone } = this.#init;
    const now = clock.now();
    for (const attempt of [...this.#held.values()]) {
      if (this.isOver(attempt.renewedAt, now) && !attempt.isOver) onGone(attempt, "lost");
    }
  }

  #scheduleReport(): void {
    if (this.#stopReportTimer !== undefined || this.#beating !== undefined || this.#isStopped) return;
    // In real time, even where a test moves the queue's clock: this limits how often a disk is written to.
    const everyMs = this.#init.store.isDurable ? REPORT_EVERY_MS : 0;
    const inMs = Math.max(0, this.#reportedAt + everyMs - performance.now());
    this.#stopReportTimer = systemClock.after(inMs, () => {
      this.#stopReportTimer = undefined;
      if (this.#reporting.size > 0) void this.#run();
    });
  }
}

function bytesOf({ patch }: Beat): number {
  return patchBytes(patch);
}

function beatWithout({ job, token }: Attempt): Beat {
  return { id: job.id, token, patch: null };
}
