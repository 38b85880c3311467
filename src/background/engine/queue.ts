import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import type { Explanation } from "../core/explanation.ts";
import { MAX_NOTE_BYTES } from "../core/limits.ts";
import { checkTaskName, isJobId } from "../core/names.ts";
import { checkOptions } from "../core/options.ts";
import type { FinishedJob, JobDetails, JobResult } from "../core/result.ts";
import { type CancelRequest, laneOf, type NewJob, type RetryRequest, type Store } from "../core/store.ts";
import { counted, shown, truncate } from "../core/text.ts";
import { Batcher } from "./batcher.ts";
import { settlesWithin } from "./bounded.ts";
import { type Counts, countsOf } from "./counts.ts";
import { DEFAULT_MAX_RETRIES, definitionOf, refuseDuplicate, type TaskDefinition } from "./definition.ts";
import type { EnqueueArgs, Enqueueable, EnqueueManyOptions } from "./enqueue.ts";
import { type EventName, Events, type Listener } from "./events.ts";
import { Explainer } from "./explainer.ts";
import { type Health, probe } from "./health.ts";
import { Hold } from "./hold.ts";
import { newJobId } from "./ids.ts";
import { Janitor } from "./janitor.ts";
import { Outage } from "./outage.ts";
import { Producer, type Target } from "./producer.ts";
import type { QueueSettings } from "./queue-options.ts";
import { type JobFilter, Reader } from "./reader.ts";
import { Supervisor } from "./supervisor.ts";
import { type PruneOptions, sweep, sweepOf } from "./sweep.ts";
import { Waiter } from "./waiter.ts";

/** Who cancels a job, and of which task it must be. */
export interface CancelOptions {
  /** Kept with the job for those who ask later; at most 1 KiB. */
  readonly by?: string | undefined;
  /** Only a job of this task. */
  readonly task?: string | undefined;
}

/** How long to wait for a job. */
export interface WaitOptions {
  /** Default: as long as it takes. */
  readonly timeout?: Duration | undefined;
  /** Ends the wait, not the job. */
  readonly signal?: AbortSignal | undefined;
  /** Only a job of this task. */
  readonly task?: string | undefined;
}

/** Jobs that are done. */
export interface FinishedJobs {
  /** Read from what the store says when it is asked for: on a busy queue, who has seen enough saves the time. */
  readonly jobIds: readonly string[];
}

/** How long a step of shutting down that depends on the store may take. */
const STEP_MS = 2_000;

/**
 * A queue of jobs: the same class, and the same behaviour, whatever store keeps them.
 *
 * It begins to run jobs one turn of the event loop after its first task was made, unless `worker: false`. Whatever needs the
 * store rejects with the JobError `queue_unavailable` while that is away, but for `health` and `explain`, which say so; with
 * `queue_closed` once the queue is closed; and every method that takes options with `invalid_option` for one that it does not
 * know or cannot use.
 *
 * @example
 * ```ts
 * const queue = new InMemoryQueue({ concurrency: 4 });
 * const greet = background({ queue }, async function greet(name: string) {
 *   return `Hello, ${name}!`;
 * });
 * const job = await queue.wait(await queue.enqueue(greet, "Ada"));
 * ```
 */
export class JobQueue implements AsyncDisposable {
  /** Resolves once the queue is closed, whoever closed it. */
  readonly closed: Promise<void>;
  readonly #store: Store;
  readonly #settings: QueueSettings;
  readonly #events: Events;
  /** The definitions that tasks brought, also those that newer ones replaced. */
  readonly #attached = new WeakSet<TaskDefinition>();
  readonly #hold = new Hold();
  readonly #producer: Producer;
  readonly #reader: Reader;
  readonly #explainer: Explainer;
  readonly #waiter: Waiter;
  readonly #janitor: Janitor;
  readonly #supervisor: Supervisor;
  readonly #cancels: Batcher<CancelRequest, boolean>;
  readonly #retries: Batcher<RetryRequest, boolean>;
  readonly #leaveClock: () => void;
  /** Jobs that are being cancelled by this process, and whether a worker of its own has told of it already. */
  readonly #cancelling = new Map<string, boolean>();
  #isOpen = false;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #tellClosed: () => void;
  #isClosed = false;

  constructor(store: Store, settings: QueueSettings) {
    const { clock, limits, logger, retention, concurrency, leaseMs, graceMs, isWorker } = settings;
    const open = () => this.#open();
    const onError = (error: unknown) => this.#events.report(error);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#tellClosed = resolve;
    this.#store = store;
    this.#settings = settings;
    this.#events = new Events(logger, store);
    this.#producer = new Producer({
      store,
      limits,
      events: this.#events,
      open,
      isOpen: () => this.#open() === undefined,
    });
    this.#reader = new Reader(store, clock);
    this.#explainer = new Explainer({ store, clock, open, health: () => this.health() });
    this.#waiter = new Waiter({ store, clock, hold: this.#hold, onError });
    this.#janitor = new Janitor({ store, clock, onError, retention: { completed: retention, failed: retention } });
    this.#cancels = new Batcher((requests) => store.cancel(requests));
    this.#retries = new Batcher((requests) => store.retry(requests));
    this.#supervisor = new Supervisor({
      store,
      clock,
      open,
      isWorker,
      limits,
      leaseMs,
      graceMs,
      random: Math.random,
      events: this.#events,
      outage: new Outage(this.#events, clock),
      hold: this.#hold,
      slots: concurrency,
      onFinished: () => this.#janitor.finished(),
      onCancelled: (jobId, task) => this.#tellCancelled(jobId, task),
    });
    this.#leaveClock = clock.join({
      isSettled: () => this.#isSettled,
      runningJobs: () => this.#supervisor.runningJobs,
    });
  }

  /**
   * Stores a job and resolves with its id once the queue has durably accepted it.
   *
   * @param task a task, or the name of one that other processes run
   * @throws JobError `not_serializable`, `payload_too_large`, `invalid_payload`, `invalid_id`, `invalid_option`,
   * `id_conflict`, `queue_unavailable`, `queue_closed`; of Redis also `unsafe_backend`, `not_replicated`, `backend_unavailable`
   */
  enqueue<P>(task: Enqueueable<P> | string, ...[payload, options]: EnqueueArgs<NoInfer<P>>): Promise<string> {
    // Throws nothing, without an async function or one that is made for each call, which would be most of what this costs.
    try {
      return this.#producer.enqueue(this.#targetOf(task), payload, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Stores a job for each payload and resolves with the ids, in order; throws as `enqueue` does. None is stored if one payload does not fit. */
  async enqueueMany<P>(
    task: Enqueueable<P> | string,
    payloads: readonly NoInfer<P>[],
    options?: EnqueueManyOptions,
  ): Promise<string[]> {
    return this.#producer.enqueueMany(this.#targetOf(task), payloads, options);
  }

  /** What became of a job; `null` for an id that is unknown or malformed. */
  async getResult(jobId: string): Promise<JobResult | null> {
    await this.#open();
    return this.#reader.result(jobId);
  }

  /** Like `getResult`, with payload, logs and the history of attempts. */
  async getDetails(jobId: string): Promise<JobDetails | null> {
    await this.#open();
    return this.#reader.details(jobId);
  }

  /**
   * Why a job is where it is, in words, and what would change it; `null` for an id that is unknown or malformed. Answers
   * within about two seconds, also when the store does not: it says so then.
   *
   * @throws JobError `queue_closed`
   * @example
   * ```ts
   * const why = await queue.explain(jobId);
   * console.log(why?.summary); // Job … of task 'embed' is pending: no worker of this queue is alive.
   * ```
   */
  async explain(jobId: string): Promise<Explanation | null> {
    this.#checkOpen();
    return this.#explainer.explain(jobId);
  }

  /** Ends a pending or running job as cancelled: `true` only if this call did. */
  async cancel(jobId: string, options: CancelOptions = {}): Promise<boolean> {
    checkOptions(options, ["by", "task"], "options of cancel()");
    if (!isJobId(jobId)) return false;
    await this.#open();
    const { by, task = null } = options;
    this.#cancelling.set(jobId, false);
    try {
      const note = by === undefined ? null : truncate(String(by), MAX_NOTE_BYTES);
      const isCancelled = await this.#cancels.add({ id: jobId, task, by: note });
      if (!isCancelled) return false;
      this.#supervisor.cancelled(jobId);
      this.#janitor.finished();
      if (!this.#cancelling.get(jobId) && this.#events.has("cancelled")) await this.#lookUpCancelled(jobId);
      return true;
    } finally {
      this.#cancelling.delete(jobId);
    }
  }

  /** Sends a failed or cancelled job back to pending, with a new budget of retries: `true` only if this call did. */
  async retry(jobId: string, options: { readonly task?: string | undefined } = {}): Promise<boolean> {
    checkOptions(options, ["task"], "options of retry()");
    if (!isJobId(jobId)) return false;
    await this.#open();
    return this.#retries.add({ id: jobId, task: options.task ?? null });
  }

  /**
   * A page of jobs, newest first.
   *
   * @throws JobError `invalid_filter`, `invalid_status`
   */
  async listJobs(filter: JobFilter = {}): Promise<JobResult[]> {
    await this.#open();
    return this.#reader.list(filter);
  }

  /** How many jobs there are, by status and by task. */
  async counts(): Promise<Counts> {
    await this.#open();
    return countsOf(await this.#store.count());
  }

  /**
   * Removes finished jobs now instead of when the retention says, a page at a time; jobs that somebody waits for, or did
   * within the last half minute, are spared. Without options it does what the retention says.
   *
   * @returns how many were removed; as many as `limit` when there may be more
   * @throws JobError `invalid_option`
   * @example
   * ```ts
   * const removed = await queue.prune({ age: "1d", status: "completed" });
   * ```
   */
  async prune(options: PruneOptions = {}): Promise<number> {
    const request = sweepOf(options, this.#settings.retention);
    await this.#open();
    return sweep(this.#store, request);
  }

  /**
   * Resolves with the job once it is done.
   *
   * @throws JobError `job_not_found`, `wait_timeout`, `wait_aborted`, `queue_closed`
   */
  async wait(jobId: string, options: WaitOptions = {}): Promise<FinishedJob> {
    checkOptions(options, ["timeout", "signal", "task"], "options of wait()");
    const { timeout, signal, task } = options;
    const timeoutMs = timeout === undefined ? null : toMs(timeout, "timeout of wait()");
    if (!isJobId(jobId)) throw new JobError("job_not_found", `There is no job ${shown(jobId)}: that is no job id.`);
    await this.#open();
    // It may have been closed since, and then nobody would end the wait.
    this.#checkOpen();
    const record = await this.#waiter.wait(jobId, task ?? null, timeoutMs, signal);
    return (await this.#reader.show(record)) as FinishedJob;
  }

  /**
   * Calls the listener for events of this process; returns the function that removes it.
   *
   * @throws JobError `invalid_option` for an unknown event
   */
  on<Name extends EventName>(event: Name, listener: Listener<Name>): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Calls the listener with ids of jobs that are done (completed, failed or cancelled), whichever process ended them, as
   * the store tells of them: hints, of which one may be missing, late or doubled. Returns the function that ends it.
   *
   * @throws JobError `queue_unavailable`, `queue_closed`
   * @example
   * ```ts
   * const stop = await queue.watchFinished(({ jobIds }) => console.log(`${jobIds.length} more are done`));
   * ```
   */
  async watchFinished(listener: (finished: FinishedJobs) => void): Promise<() => void> {
    await this.#open();
    // It may be async: its rejection is caught like a throw.
    const tell = async (ids: readonly string[]) =>
      listener({
        get jobIds() {
          return ids;
        },
      });
    return this.#store.subscribe("finished", (signal) => {
      if (signal.kind === "finished") tell(signal.ids).catch((error) => this.#events.report(error));
    });
  }

  /** Where its jobs are, for people and without secrets: `"memory"`, `"sqlite:/srv/jobs.db"`, `"redis://db:6379, prefix rapidai:jobs:"`. */
  get place(): string {
    return this.#store.place ?? this.#store.name;
  }

  /** Whether this process runs jobs of this queue: its option `worker`. */
  get isWorker(): boolean {
    return this.#settings.isWorker;
  }

  /** The names of the tasks that this process made on this queue. */
  get taskNames(): readonly string[] {
    return [...this.#supervisor.tasks.keys()];
  }

  /**
   * Begins to work now, and keeps the process alive until `stop` or `close`. A queue with `worker: false` runs no jobs then either.
   *
   * @throws JobError `queue_unavailable` when the store is not there; the queue goes on trying
   */
  async start(): Promise<void> {
    this.#checkOpen();
    if (this.#closing !== undefined) return;
    this.#janitor.start();
    await this.#supervisor.start();
  }

  /**
   * Stops working in good order, as `close` does, and can be started again. Enqueueing and reading go on.
   *
   * @param options `grace`: default what the queue was made with, else `"10s"`
   */
  async stop(options: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    await this.#supervisor.stop(this.#graceOf(options));
  }

  /**
   * Stops for good: claims nothing more, waits for running jobs for `grace`, aborts their signals, hands back what is
   * left, and lets go of the store. Every step is bounded; more than once is fine, and the shortest `grace` counts.
   *
   * @param options `grace`: default what the queue was made with, else `"10s"`
   */
  close(options: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    try {
      const graceMs = this.#graceOf(options);
      if (this.#closing !== undefined) this.#supervisor.hurry(graceMs);
      this.#closing ??= this.#close(graceMs);
      return this.#closing;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Resolves when the store can be reached.
   *
   * @param options `timeout`: default `"2s"`
   * @throws JobError `queue_unavailable`, `queue_closed`; of Redis also `unsafe_backend`, `backend_unavailable`
   */
  async ready(options: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    checkOptions(options, ["timeout"], "options of ready()");
    const { timeout = "2s" } = options;
    const timeoutMs = toMs(timeout, "timeout of ready()");
    let failure: unknown;
    const reached = this.#reach().catch((error) => {
      failure = error;
    });
    const isInTime = await settlesWithin(timeoutMs, reached);
    if (isInTime && failure === undefined) return;
    if (failure instanceof JobError) throw failure;
    throw new JobError("queue_unavailable", `The ${this.#store.name} queue was not ready within ${timeoutMs} ms.`, {
      cause: failure,
    });
  }

  /** A store that was there when it was opened may be gone since. */
  async #reach(): Promise<void> {
    await this.#open();
    await this.#store.get([newJobId()], { isDetailed: false, holdMs: 0 });
  }

  /** Whether the queue can work now, as far as it can be told without running a job. Never rejects. */
  async health(): Promise<Health> {
    return probe(this.#store, async () => this.#open());
  }

  /**
   * Makes a task known to this queue, which works for it from then on.
   *
   * @internal Tasks do it themselves.
   * @throws JobError `duplicate_task`
   */
  attach(definition: TaskDefinition, { isReplacing = false }: { readonly isReplacing?: boolean } = {}): void {
    // One in whose place a newer one came is still asked through, and does not come back by that.
    if (this.#attached.has(definition)) return;
    if (!isReplacing && this.#supervisor.tasks.has(definition.name)) refuseDuplicate(definition.name);
    this.#attached.add(definition);
    this.#supervisor.add(definition);
    if (this.#settings.isWorker && this.#closing === undefined) this.#janitor.start();
  }

  /** A checked job that is not stored yet, for queues that can store one in other ways than `enqueue`. */
  protected prepare<P>(task: Enqueueable<P> | string, ...[payload, options]: EnqueueArgs<NoInfer<P>>): NewJob {
    this.#checkOpen();
    return this.#producer.prepare(this.#targetOf(task), payload, options);
  }

  #targetOf<P>(task: Enqueueable<P> | string): Target {
    if (typeof task === "string") {
      const name = checkTaskName(task);
      return (
        this.#supervisor.tasks.get(name) ?? {
          name,
          lane: laneOf(name),
          maxRetries: DEFAULT_MAX_RETRIES,
          schema: undefined,
        }
      );
    }
    const definition = definitionOf(task);
    if (definition === undefined)
      throw new JobError("invalid_option", "enqueue() was given neither a task nor the name of one.");
    this.attach(definition);
    return definition;
  }

  get #isSettled(): boolean {
    return (
      this.#opening === undefined &&
      this.#cancels.isIdle &&
      this.#retries.isIdle &&
      this.#producer.isSettled &&
      this.#waiter.isSettled &&
      this.#janitor.isSettled &&
      this.#supervisor.isSettled
    );
  }

  #checkOpen(): void {
    // While it closes, running jobs may still enqueue and ask.
    if (this.#isClosed) {
      throw new JobError(
        "queue_closed",
        `This ${this.#store.name} queue is closed: make a new one, or close it later.`,
      );
    }
  }

  /** Nothing to wait for once the store is open. */
  #open(): Promise<void> | undefined {
    this.#checkOpen();
    if (this.#isOpen) return undefined;
    this.#opening ??= this.#store.open().then(
      () => {
        this.#isOpen = true;
        this.#opening = undefined;
      },
      (error) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  #graceOf(options: { readonly grace?: Duration | undefined }): number {
    checkOptions(options, ["grace"], "options of stop() and close()");
    const { grace } = options;
    return grace === undefined ? this.#settings.graceMs : toMs(grace, "grace");
  }

  async #close(graceMs: number): Promise<void> {
    this.#janitor.stop();
    await this.#supervisor.stop(graceMs);
    await settlesWithin(STEP_MS, this.#producer.drained());
    this.#isClosed = true;
    this.#waiter.close(
      new JobError(
        "queue_closed",
        "The queue was closed while this call waited for a job; the job itself is as it was.",
      ),
    );
    if (!this.#store.isDurable) await settlesWithin(STEP_MS, this.#warnOfLoss());
    await settlesWithin(STEP_MS, this.#store.close());
    this.#leaveClock();
    this.#tellClosed();
  }

  async #warnOfLoss(): Promise<void> {
    const { byStatus } = countsOf(await this.#store.count());
    const unfinished = byStatus.pending + byStatus.running;
    if (unfinished > 0)
      this.#events.warn(`A queue in memory was closed with ${counted(unfinished, "unfinished job")}, gone now.`);
  }

  #tellCancelled(jobId: string, task: string): void {
    const isOwn = this.#cancelling.has(jobId);
    if (isOwn) this.#cancelling.set(jobId, true);
    this.#events.emit("cancelled", { jobId, task, isOwn });
  }

  async #lookUpCancelled(jobId: string): Promise<void> {
    try {
      const [record] = await this.#store.get([jobId], { isDetailed: false, holdMs: 0 });
      if (record) this.#events.emit("cancelled", { jobId, task: record.task, isOwn: true });
    } catch (error) {
      // The job is cancelled, whoever hears of it.
      this.#events.report(error);
    }
  }
}
