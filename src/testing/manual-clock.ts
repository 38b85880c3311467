import { performance } from "node:perf_hooks";
import {
  clearTimeout as clearRealTimeout,
  setImmediate as realImmediate,
  setTimeout as realTimeout,
} from "node:timers";
import type { Clock, ClockMember } from "../background/core/clock.ts";
import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { listed } from "../background/core/text.ts";

interface Timer {
  readonly at: number;
  readonly slackMs: number;
  readonly callback: () => void;
}

/** For so long `advance` stops for every look around of a queue, and beyond that for fewer and fewer, or days would take minutes. */
const EXACT_MS = 60_000;
/** How long `drain` waits for handlers, in real milliseconds, unless told otherwise. */
const PATIENCE_MS = 5_000;
/** Turns of the event loop without a pause; handlers that await real I/O take longer, and are waited for more calmly. */
const EAGER_TURNS = 200;
/** A setImmediate that has not come after so long is a fake: what stands in for it elsewhere takes some milliseconds. */
const FAKED_MS = 100;

/**
 * A clock that stands still until a test moves it, so that no test sleeps: retries, delays, timeouts, leases and
 * retention of the queues that run on it happen when `advance` says so.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const queue = new InMemoryQueue({ clock });
 * const charge = background({ queue }, chargeThatFailsOnce);
 * const jobId = await charge.enqueue(order);
 * await clock.drain();        // the first attempt has failed
 * await clock.advance("2s");  // the retry is due
 * await clock.drain();        // and has run
 * ```
 */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();
  readonly #members = new Set<ClockMember>();
  #turn: Promise<void> = Promise.resolve();

  /** @param start where the time begins, in whole milliseconds; default 2026-01-01 UTC */
  constructor(start: Date | number = Date.UTC(2026, 0, 1)) {
    this.#now = instantOf(start);
  }

  now(): number {
    return this.#now;
  }

  /**
   * Sets the time without anything else happening, also back, as a machine's clock may be.
   *
   * @throws JobError `invalid_option` for an invalid date
   */
  set(now: Date | number): void {
    this.#now = instantOf(now);
  }

  after(delayMs: number, callback: () => void, slackMs = 0): () => void {
    // On a whole millisecond, as all instants are that stores keep, and never before it is due.
    const timer: Timer = { at: this.#now + Math.ceil(delayMs), slackMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  join(member: ClockMember): () => void {
    this.#members.add(member);
    return () => this.#members.delete(member);
  }

  /**
   * Moves the time on, stopping at each instant at which something is due and letting the queues do it. Handlers that
   * wait for anything but the clock may still be running afterwards: see {@link drain}. It never goes back by that, and
   * of several at a time each begins where the one before it ended. Over more than a minute in which no job runs, what the
   * queues look after now and then, such as jobs that became too old, may come late by a twentieth of the time.
   *
   * @throws JobError `invalid_option` when the duration is none; `drain_timeout` when a queue does not come to rest, or
   * fake timers keep it from working
   */
  async advance(duration: Duration): Promise<void> {
    const ms = toMs(duration, "duration to advance a ManualClock by");
    const advanced = this.#turn.then(() => this.#move(ms));
    this.#turn = advanced.catch(() => {});
    return advanced;
  }

  async #move(ms: number): Promise<void> {
    const from = this.#now;
    const until = from + ms;
    await this.#settle();
    for (let stop = this.#nextStop(from); stop <= until; stop = this.#nextStop(from)) {
      this.#now = Math.max(this.#now, stop);
      this.#fireDue();
      await this.#settle();
    }
    this.#now = Math.max(this.#now, until);
    await this.#settle();
  }

  /** When something is due next, or has been for as long as it may be. */
  #nextStop(from: number): number {
    const passedMs = this.#now - from;
    const mostSlackMs = passedMs < EXACT_MS || this.#runningJobs.length > 0 ? 0 : Math.floor(passedMs / 20);
    let stop = Number.POSITIVE_INFINITY;
    for (const { at, slackMs } of this.#timers) stop = Math.min(stop, at + Math.min(slackMs, mostSlackMs));
    return stop;
  }

  /**
   * Waits until nothing that is due is pending or running, without moving the time.
   *
   * @param options `timeout`: how long in real time, default `"5s"`
   * @throws JobError `drain_timeout`, which names the jobs that still run, or says which fake timers keep them from it
   */
  async drain({ timeout = PATIENCE_MS }: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    await this.#until(() => this.#isAtRest && this.#runningJobs.length === 0, toMs(timeout, "timeout of drain()"));
  }

  #settle(): Promise<void> {
    return this.#until(() => this.#isAtRest, PATIENCE_MS);
  }

  get #isAtRest(): boolean {
    return [...this.#members].every((member) => member.isSettled()) && this.#next(this.#now) === undefined;
  }

  get #runningJobs(): readonly string[] {
    return [...this.#members].flatMap((member) => member.runningJobs());
  }

  /** The first of the timers that are due by then; of several at one instant the one that was set first. */
  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }

  async #until(isReached: () => boolean, patienceMs: number): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    for (let turns = 0, reached = 0; reached < 2; turns++) {
      await (turns < EAGER_TURNS ? turnOfQueues() : new Promise((resolve) => realTimeout(resolve, 1)));
      this.#fireDue();
      // Twice in a row, since what ended in one turn may begin something in the next.
      reached = isReached() ? reached + 1 : 0;
      if (reached === 0 && performance.now() > giveUpAt) throw this.#giveUp(patienceMs);
    }
  }

  /** A timer that was set for now, or that a clock set ahead has passed. */
  #fireDue(): void {
    for (let timer = this.#next(this.#now); timer !== undefined; timer = this.#next(this.#now)) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }

  #giveUp(patienceMs: number): JobError {
    const jobs = this.#runningJobs;
    const why = jobs.length === 0 ? "a queue kept working without end" : `still running: ${listed(jobs, 10)}`;
    return new JobError(
      "drain_timeout",
      `The queues did not come to rest within ${patienceMs} ms of real time; ${why}. Does a handler wait for something that the test has to do first?`,
      { jobId: jobs[0] },
    );
  }
}

function instantOf(given: Date | number): number {
  // As a Date has it.
  const instant = Math.trunc(Number(given));
  if (Number.isFinite(instant)) return instant;
  throw new JobError("invalid_option", "A ManualClock cannot be set to an invalid date.");
}

/** One turn of the event loop, in which the queues, which wait for the global setImmediate, have had theirs. */
function turnOfQueues(): Promise<void> {
  return new Promise((resolve, reject) => {
    // After a turn of its own: a loop that was blocked for long comes to its timers first.
    const giveUp = realTimeout(() => realImmediate(() => reject(fakedImmediate())), FAKED_MS);
    setImmediate(() => {
      clearRealTimeout(giveUp);
      resolve();
    });
  });
}

function fakedImmediate(): JobError {
  return new JobError(
    "drain_timeout",
    'The queues cannot work while setImmediate is faked: leave setImmediate alone, vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] }), jest.useFakeTimers({ doNotFake: ["setImmediate"] }) or, of node:test, mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] }).',
  );
}
