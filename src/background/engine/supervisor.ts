import type { ClockMember } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import { settlesWithin } from "./bounded.ts";
import type { TaskDefinition } from "./definition.ts";
import { Offers } from "./offers.ts";
import { RetryDelay } from "./retry-delay.ts";
import { Worker, type WorkerInit } from "./worker.ts";

export interface SupervisorInit extends Omit<WorkerInit, "tasks" | "offers" | "isAfterOutage"> {
  /** Opens the store. */
  readonly open: () => Promise<void> | undefined;
  /** Whether this process runs jobs at all. */
  readonly isWorker: boolean;
}

/** How long a stop waits for a start in progress. */
const STEP_MS = 2_000;

/** Keeps a worker running while one is wanted, however long the store takes to become available. */
export class Supervisor {
  readonly #init: SupervisorInit;
  readonly #tasks = new Map<string, TaskDefinition>();
  readonly #offers = new Offers();
  /** The names of the tasks whose jobs run here; `undefined` for all. */
  #selection: ReadonlySet<string> | undefined;
  #worker: Worker | undefined;
  #starting: Promise<void> | undefined;
  /** Whether a worker is wanted; `undefined` until the first task, `start` or `stop`. */
  #isWanted: boolean | undefined;
  /** Why the last start failed, if it did; then there is no worker. */
  #failure: unknown;
  #stopTimer: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  #stops = 0;

  constructor(init: SupervisorInit) {
    this.#init = init;
  }

  get isSettled(): boolean {
    return this.#starting === undefined && (this.#worker?.isSettled ?? true);
  }

  get runningJobs(): ReturnType<ClockMember["runningJobs"]> {
    return this.#worker?.runningJobs ?? [];
  }

  /** The definitions of this queue's tasks, by name. */
  get tasks(): ReadonlyMap<string, TaskDefinition> {
    return this.#tasks;
  }

  /** Adds a task. The first one starts the worker, one turn of the event loop later. */
  add(definition: TaskDefinition): void {
    this.#tasks.set(definition.name, definition);
    if (this.#runs(definition)) this.#worker?.add(definition);
    if (this.#isWanted !== undefined || !this.#init.isWorker) return;
    this.#isWanted = true;
    // Jobs left over may be able to run now, so the process stays alive until that is known.
    if (!this.#init.store.isDurable) this.#init.keepAlive.set("backlog", true);
    this.#starting = new Promise((resolve) => setImmediate(resolve)).then(() => this.#tryStart());
  }

  /** Rejects if this process should run jobs but cannot claim any; retries first if the last attempt failed. */
  async check(): Promise<void> {
    if (this.#failure !== undefined && this.#isWanted) await this.#started();
    await this.#worker?.checkClaims();
  }

  /** Tells the worker that a job was cancelled. */
  cancelled(jobId: string): void {
    this.#worker?.cancelled(jobId);
  }

  /**
   * Starts the worker now, for the tasks selected; rejects if the store cannot be reached, but goes on trying.
   *
   * @throws JobError `invalid_option` if tasks are selected while a worker is working
   */
  async start(selection?: ReadonlySet<string>): Promise<void> {
    const stops = this.#stops;
    await this.#stopping;
    // A later stop overrides this start.
    if (this.#stops !== stops) return;
    if (this.#worker === undefined) this.#selection = selection;
    else if (selection !== undefined)
      throw new JobError("invalid_option", "The queue is working already: stop() it before start({ tasks }).");
    this.#init.keepAlive.set("started", true);
    this.#isWanted = true;
    do {
      await this.#started();
      // A start that was already in progress before a stop has made no worker.
    } while (this.#init.isWorker && this.#isWanted && this.#worker === undefined);
  }

  /** Stops the worker gracefully; `start` makes a new one. */
  stop(graceMs: number): Promise<void> {
    this.#stops++;
    this.#isWanted = false;
    if (this.#stopping !== undefined) this.hurry(graceMs);
    this.#stopping ??= this.#end(graceMs).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  /** Shortens the grace of a stop in progress to at most `graceMs` from now on. */
  hurry(graceMs: number): void {
    this.#worker?.hurry(graceMs);
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopTimer?.();
    // A start that takes longer finds, when it is done, that no worker is wanted, and does not try again.
    if (this.#starting !== undefined) await settlesWithin(STEP_MS, this.#starting);
    await this.#worker?.stop(graceMs);
    this.#worker = undefined;
    this.#init.keepAlive.set("backlog", false);
    this.#init.keepAlive.set("started", false);
  }

  /** Resolves with the start in progress, or a new one; rejects if that fails. */
  async #started(): Promise<void> {
    this.#starting ??= this.#tryStart();
    await this.#starting;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #runs({ name }: TaskDefinition): boolean {
    return this.#selection?.has(name) ?? true;
  }

  async #tryStart(retryDelay: RetryDelay = new RetryDelay()): Promise<void> {
    const { outage, clock, random, open, isWorker } = this.#init;
    this.#stopTimer?.();
    const isAfterOutage = this.#failure !== undefined;
    this.#failure = undefined;
    try {
      await open();
      if (isWorker && this.#isWanted && this.#worker === undefined) {
        // Assigned before it has started, so that it gets the tasks added meanwhile.
        this.#worker = new Worker({
          ...this.#init,
          tasks: [...this.#tasks.values()].filter((definition) => this.#runs(definition)),
          offers: this.#offers,
          isAfterOutage,
        });
        await this.#worker.start();
      }
      outage.passed("begin");
    } catch (error) {
      this.#worker = undefined;
      this.#failure = error;
      outage.failed("begin", error);
      if (this.#isWanted) {
        this.#stopTimer = clock.after(retryDelay.next(random()), () => {
          this.#starting ??= this.#tryStart(retryDelay);
        });
      }
    }
    this.#starting = undefined;
  }
}
