import type { Store } from "../core/store.ts";
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

/** Sees to it that there is a worker while there should be one, however long the store takes to be there. */
export class Supervisor {
  readonly #init: SupervisorInit;
  readonly #tasks = new Map<string, TaskDefinition>();
  #worker: Worker | undefined;
  #beginning: Promise<void> | undefined;
  /** `undefined` until the first task comes or somebody says so. */
  #isWanted: boolean | undefined;
  #stopTimer: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

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
    await this.#stopping;
    this.#init.hold.set("started", true);
    this.#isWanted = true;
    let failure: unknown;
    this.#beginning ??= this.#begin((error) => {
      failure ??= error;
    });
    await this.#beginning;
    if (failure !== undefined) throw failure;
  }

  /** Stops in good order; `start` begins anew. */
  stop(graceMs: number): Promise<void> {
    this.#isWanted = false;
    this.#stopping ??= this.#end(graceMs).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #end(graceMs: number): Promise<void> {
    this.#stopTimer?.();
    await this.#beginning;
    this.#stopTimer?.();
    await this.#worker?.stop(graceMs);
    this.#worker = undefined;
    this.#init.hold.set("backlog", false);
    this.#init.hold.set("started", false);
  }

  async #begin(onFailure?: (error: unknown) => void, patience: Patience = new Patience()): Promise<void> {
    const { events, clock, random, open, isWorker } = this.#init;
    try {
      await open();
      if (isWorker && this.#isWanted && this.#worker === undefined) {
        const worker = new Worker({ ...this.#init, tasks: this.#tasks.values() });
        await worker.start();
        this.#worker = worker;
      }
    } catch (error) {
      events.report(error);
      onFailure?.(error);
      if (this.#isWanted) {
        this.#stopTimer = clock.after(patience.next(random()), () => {
          this.#beginning ??= this.#begin(undefined, patience);
        });
      }
    }
    this.#beginning = undefined;
  }
}
