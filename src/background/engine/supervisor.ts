import type { Store } from "../core/store.ts";
import { settlesWithin } from "./bounded.ts";
import type { TaskDefinition } from "./definition.ts";
import { Patience } from "./patience.ts";
import { Worker, type WorkerInit } from "./worker.ts";

export interface SupervisorInit extends Omit<WorkerInit, "tasks"> {
  readonly store: Store;
  /** Makes the store ready. */
  readonly open: () => Promise<void> | undefined;
  /** Whether this process is to run jobs at all. */
  readonly isWorker: boolean;
}

/** How long to wait for a beginning that is to be stopped. */
const STEP_MS = 2_000;

/** Sees to it that there is a worker while there should be one, however long the store takes to be there. */
export class Supervisor {
  readonly #init: SupervisorInit;
  readonly #tasks = new Map<string, TaskDefinition>();
  #worker: Worker | undefined;
  #beginning: Promise<void> | undefined;
  /** `undefined` until the first task comes or somebody says so. */
  #isWanted: boolean | undefined;
  /** Why the last beginning failed, if it did. */
  #failure: unknown;
  #stopTimer: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  #stops = 0;

  constructor(init: SupervisorInit) {
    this.#init = init;
  }

  get isSettled(): boolean {
    return this.#beginning === undefined && (this.#worker?.isSettled ?? true);
  }

  get runningJobs(): readonly string[] {
    return this.#worker?.runningJobs ?? [];
  }

  /** The names of the tasks that this queue has, and what they are made of. */
  get tasks(): ReadonlyMap<string, TaskDefinition> {
    return this.#tasks;
  }

  /** With the first task the work begins, one turn of the event loop later. */
  add(definition: TaskDefinition): void {
    this.#tasks.set(definition.name, definition);
    this.#worker?.add(definition);
    if (this.#isWanted !== undefined || !this.#init.isWorker) return;
    this.#isWanted = true;
    // Jobs that were left over may run now, so the process waits for them to be looked at.
    if (!this.#init.store.isDurable) this.#init.hold.set("backlog", true);
    this.#beginning = new Promise((resolve) => setImmediate(resolve)).then(() => this.#begin());
  }

  /** A job was cancelled. */
  cancelled(jobId: string): void {
    this.#worker?.cancelled(jobId);
  }

  /** Begins to work now; rejects when the store is not there, and goes on trying. */
  async start(): Promise<void> {
    const stops = this.#stops;
    await this.#stopping;
    // Whoever said so last is who is heard.
    if (this.#stops !== stops) return;
    this.#init.hold.set("started", true);
    this.#isWanted = true;
    do {
      this.#beginning ??= this.#begin();
      await this.#beginning;
      if (this.#failure !== undefined) throw this.#failure;
      // One that began before a stop has made no worker.
    } while (this.#init.isWorker && this.#isWanted && this.#worker === undefined);
  }

  /** Stops in good order; `start` begins anew. */
  stop(graceMs: number): Promise<void> {
    this.#stops++;
    this.#isWanted = false;
    if (this.#stopping !== undefined) this.hurry(graceMs);
    this.#stopping ??= this.#end(graceMs).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  /** A stop that is under way waits no longer than that from now on. */
  hurry(graceMs: number): void {
    this.#worker?.hurry(graceMs);
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopTimer?.();
    // One that never ends finds that no worker is wanted when it does.
    if (this.#beginning !== undefined) await settlesWithin(STEP_MS, this.#beginning);
    this.#stopTimer?.();
    await this.#worker?.stop(graceMs);
    this.#worker = undefined;
    this.#init.hold.set("backlog", false);
    this.#init.hold.set("started", false);
  }

  async #begin(patience: Patience = new Patience()): Promise<void> {
    const { outage, clock, random, open, isWorker } = this.#init;
    this.#stopTimer?.();
    this.#failure = undefined;
    try {
      await open();
      if (isWorker && this.#isWanted && this.#worker === undefined) {
        // There from now on, so that tasks which come while it starts are its own too.
        this.#worker = new Worker({ ...this.#init, tasks: this.#tasks.values() });
        await this.#worker.start();
      }
      outage.passed("begin");
    } catch (error) {
      this.#worker = undefined;
      this.#failure = error;
      outage.failed("begin", error);
      if (this.#isWanted) {
        this.#stopTimer = clock.after(patience.next(random()), () => {
          this.#beginning ??= this.#begin(patience);
        });
      }
    }
    this.#beginning = undefined;
  }
}
