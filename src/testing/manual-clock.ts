import { performance } from "node:perf_hooks";
import {
  clearTimeout as clearRealTimeout,
  setImmediate as realImmediate,
  setTimeout as realTimeout,
} from "node:timers";
import type { Clock, ClockMember } from "../background/core/clock.ts";
import { type Duration, toMs } from "../background/core/duration.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions } from "../background/core/options.ts";
import { listed } from "../background/core/text.ts";

interface Timer {
  readonly at: number;
  readonly slackMs: number;
  readonly callback: () => void;
}

/** How long `advance` stops at every periodic check of a queue; beyond that it skips some, or days would take minutes. */
const EXACT_MS = 60_000;
/** How long `drain` waits for handlers by default, in real milliseconds. */
const TIMEOUT_MS = 5_000;
/** Turns of the event loop without a pause; after them, handlers that await real I/O are polled every millisecond. */
const EAGER_TURNS = 200;
/** How long to wait for setImmediate before it is taken to be faked, in real milliseconds; polyfills take only a few. */
const FAKED_MS = 100;

/**
 * A clock that only moves when a test says so, so that no test sleeps: retries, delays, timeouts, leases and retention
 * of the queues that run on it happen during `advance`.
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

  /** @param start the initial time, in whole milliseconds. Default: 2026-01-01 UTC */
  constructor(start: Date | number = Date.UTC(2026, 0, 1)) {
    this.#now = instantOf(start);
  }

  now(): number {
    return this.#now;
  }

  /**
   * Sets the time, forwards or backwards, without running anything that becomes due.
   *
   * @throws JobError `invalid_option` for an invalid date
   */
  set(now: Date | number): void {
    this.#now = instantOf(now);
  }

  after(delayMs: number, callback: () => void, slackMs = 0): () => void {
    // Rounded up to a whole millisecond, like all instants in stores, and so never too early.
    const timer: Timer = { at: this.#now + Math.ceil(delayMs), slackMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  join(member: ClockMember): () => void {
    this.#members.add(member);
    return () => this.#members.delete(member);
  }

  /**
   * Moves the time forward, and stops at each instant at which something is due to let the queues do it. Handlers that
   * wait for anything but the clock may still be running afterwards: see {@link drain}. Concurrent calls run one after
   * another. If no job runs for more than a minute, periodic work of the queues, such as removing old jobs, may be late
   * by up to a twentieth of the time passed.
   *
   * @throws JobError `invalid_option` for an invalid duration; `drain_timeout` when a queue does not become idle, or
   * fake timers keep it from working
   */
  async advance(duration: Duration): Promise<void> {
    const ms = toMs(duration, "argument of advance()");
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

  /** The next instant to stop at: when a timer is due, plus the slack that it allows. */
  #nextStop(from: number): number {
    const passedMs = this.#now - from;
    const maxSlackMs = passedMs < EXACT_MS || this.#runningJobs.length > 0 ? 0 : Math.floor(passedMs / 20);
    let stop = Number.POSITIVE_INFINITY;
    for (const { at, slackMs } of this.#timers) stop = Math.min(stop, at + Math.min(slackMs, maxSlackMs));
    return stop;
  }

  /**
   * Waits until no job is running and none that is due is pending, without moving the time.
   *
   * @param options `timeout`: how long to wait, in real time. Default: `"5s"`
   * @throws JobError `drain_timeout`, which names the jobs that are still running, or the faked function that blocks
   * them; `invalid_option`
   */
  async drain(options: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    checkOptions(options, ["timeout"], "options of drain()");
    const { timeout = TIMEOUT_MS } = options;
    await this.#until(() => this.#isIdle && this.#runningJobs.length === 0, toMs(timeout, "timeout of drain()"));
  }

  #settle(): Promise<void> {
    return this.#until(() => this.#isIdle, TIMEOUT_MS);
  }

  get #isIdle(): boolean {
    return [...this.#members].every((member) => member.isSettled()) && this.#next(this.#now) === undefined;
  }

  get #runningJobs(): ReturnType<ClockMember["runningJobs"]> {
    return [...this.#members].flatMap((member) => member.runningJobs());
  }

  /** The earliest of the timers that are due at `until`; of those due at the same instant, the one set first. */
  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }

  async #until(isReached: () => boolean, timeoutMs: number): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    for (let turns = 0, reached = 0; reached < 2; turns++) {
      await (turns < EAGER_TURNS ? turnOfQueues() : new Promise((resolve) => realTimeout(resolve, 1)));
      this.#fireDue();
      // Required twice in a row, since work that ended in one turn may start other work in the next.
      reached = isReached() ? reached + 1 : 0;
      if (reached === 0 && performance.now() > giveUpAt) throw this.#timeoutError(timeoutMs);
    }
  }

  /** Fires timers that are due: set for now, or passed when the clock was set forwards. */
  #fireDue(): void {
    for (let timer = this.#next(this.#now); timer !== undefined; timer = this.#next(this.#now)) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }

  #timeoutError(timeoutMs: number): JobError {
    const jobs = this.#runningJobs;
    const names = jobs.map(({ id, task }) => `${id} of task '${task}'`);
    const why = jobs.length === 0 ? "a queue never stopped working" : `still running: ${listed(names, 10)}`;
    return new JobError(
      "drain_timeout",
      `The queues did not become idle within ${timeoutMs} ms of real time; ${why}. Check whether a handler waits for something that the test must do first.`,
      { jobId: jobs[0]?.id, task: jobs[0]?.task },
    );
  }
}

function instantOf(given: Date | number): number {
  // Like `Date`, in whole milliseconds.
  const instant = Math.trunc(Number(given));
  if (Number.isFinite(instant)) return instant;
  throw new JobError("invalid_option", "A ManualClock cannot be set to an invalid date.");
}

/** Waits for one turn of the event loop, by the global setImmediate, on which the queues depend too. */
function turnOfQueues(): Promise<void> {
  return new Promise((resolve, reject) => {
    // Rejects only after another turn: a loop that was blocked for long runs its timers before its immediates.
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
    'The queues cannot work while setImmediate is faked: leave it real, vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] }), jest.useFakeTimers({ doNotFake: ["setImmediate"] }) or, with node:test, mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] }).',
  );
}
