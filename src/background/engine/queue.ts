import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import type { Explanation } from "../core/explanation.ts";
import { MAX_NOTE_BYTES } from "../core/limits.ts";
import { checkTaskName, isJobId } from "../core/names.ts";
import { checkOptions, checkSignal, text } from "../core/options.ts";
import type { FinishedJob, JobDetails, JobResult } from "../core/result.ts";
import { type CancelRequest, laneOf, type NewJob, type RetryRequest, type Store } from "../core/store.ts";
import { counted, shown, truncate } from "../core/text.ts";
import { Batcher } from "./batcher.ts";
import { settlesWithin } from "./bounded.ts";
import { type Counts, countsOf, pendingTasks } from "./counts.ts";
import { DEFAULT_MAX_RETRIES, definitionOf, refuseDuplicate, type TaskDefinition } from "./definition.ts";
import type { EnqueueArgs, Enqueueable, EnqueueManyOptions } from "./enqueue.ts";
import { Events } from "./events.ts";
import { Explainer } from "./explainer.ts";
import { guarded } from "./guarded.ts";
import { type Health, probe } from "./health.ts";
import { newJobId } from "./ids.ts";
import { Janitor } from "./janitor.ts";
import { KeepAlive } from "./keep-alive.ts";
import { type OldestDue, oldestDue } from "./oldest-due.ts";
import { Outage } from "./outage.ts";
import { OwnCancels } from "./own-cancels.ts";
import { Producer, type Target } from "./producer.ts";
import type { EventName, Listener } from "./queue-events.ts";
import type { QueueSettings } from "./queue-options.ts";
import { type JobFilter, Reader } from "./reader.ts";
import { Supervisor } from "./supervisor.ts";
import { type PruneOptions, sweep, sweepOf } from "./sweep.ts";
import { Waiter } from "./waiter.ts";

/** How to cancel a job. */
export interface CancelOptions {
  /** Who cancels; kept with the job, at most 1 KiB. */
  readonly by?: string | undefined;
  /** Only a job of this task. */
  readonly task?: string | undefined;
}

/** How to wait for a job. */
export interface WaitOptions {
  /** The longest to wait; default unlimited. */
  readonly timeout?: Duration | undefined;
  /** Aborts the wait, not the job. */
  readonly signal?: AbortSignal | undefined;
  /** Only a job of this task. */
  readonly task?: string | undefined;
}

/** Jobs that have finished. */
export interface FinishedJobs {
  /** Parsed only when read, so that a listener on a busy queue can skip it at no cost. */
  readonly jobIds: readonly string[];
}

/** The longest that a step of closing may wait for the store. */
const STEP_MS = 2_000;

/**
 * A queue of jobs: the same class, with the same behaviour, for every store.
 *
 * It begins to run jobs one turn of the event loop after its first task was made, unless `worker` is `false`. Methods
 * that need the store reject with the JobError `queue_unavailable` while it cannot be reached, except `health` and
 * `explain`, which report that; with `queue_closed` once the queue is closed; and with `invalid_option` for options that
 * are unknown or invalid.
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
  /** Resolves once the queue is closed. */
  readonly closed: Promise<void>;
  readonly #store: Store;
  readonly #settings: QueueSettings;
  readonly #events: Events;
  /** The definitions of all attached tasks, including those that newer ones replaced. */
  readonly #attached = new WeakSet<TaskDefinition>();
  readonly #keepAlive = new KeepAlive();
  readonly #producer: Producer;
  readonly #reader: Reader;
  readonly #explainer: Explainer;
  readonly #waiter: Waiter;
  readonly #janitor: Janitor;
  readonly #supervisor: Supervisor;
  readonly #cancels: Batcher<CancelRequest, boolean>;
  readonly #retries: Batcher<RetryRequest, boolean>;
  readonly #leaveClock: () => void;
  readonly #ownCancels = new OwnCancels();
  #isOpen = false;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #resolveClosed: () => void;
  #isClosed = false;

  constructor(store: Store, settings: QueueSettings) {
    const { clock, limits, logger, retention, concurrency, leaseMs, graceMs, isWorker } = settings;
    const open = () => this.#open();
    const onError = (error: unknown) => this.#report(error);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#store = store;
    this.#settings = settings;
    this.#events = new Events(logger, store);
    this.#producer = new Producer({ store, limits, events: this.#events, open });
    this.#reader = new Reader(store, clock);
    this.#explainer = new Explainer({ store, clock, open, health: () => this.health() });
    this.#waiter = new Waiter({ store, clock, keepAlive: this.#keepAlive, onError });
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
      outage: new Outage({ report: onError, recovered: (downMs) => this.#events.recovered(downMs) }, clock),
      keepAlive: this.#keepAlive,
      slots: concurrency,
      onFinished: () => this.#janitor.finished(),
      onCancelled: (jobId, task) => {
        if (!this.#ownCancels.learn(jobId, task)) this.#events.emit("cancelled", { jobId, task, isOwn: false });
      },
      isCancelling: (jobId) => this.#ownCancels.has(jobId),
    });
    this.#leaveClock = clock.join({
      isSettled: () => this.#isSettled,
      runningJobs: () => this.#supervisor.runningJobs,
    });
  }

  /**
   * Stores a job and resolves with its id once the queue has durably accepted it.
   *
   * @param task a task, or the name of a task that other processes run
   * @throws JobError `not_serializable`, `payload_too_large`, `invalid_payload`, `invalid_id`, `invalid_option`,
   * `id_conflict`, `queue_unavailable`, `queue_closed`; of Redis also `unsafe_backend`, `not_replicated`, `backend_unavailable`
   */
  enqueue<P>(task: Enqueueable<P> | string, ...[payload, options]: EnqueueArgs<NoInfer<P>>): Promise<string> {
    // Not async and without a closure, either of which would be most of the cost of this call.
    try {
      return this.#producer.enqueue(this.#targetOf(task), payload, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Stores a job for each payload, or none if one is invalid. Resolves with the ids in order; throws as `enqueue` does. */
  async enqueueMany<P>(
    task: Enqueueable<P> | string,
    payloads: readonly NoInfer<P>[],
    options?: EnqueueManyOptions,
  ): Promise<string[]> {
    return this.#producer.enqueueMany(this.#targetOf(task), payloads, options);
  }

  /** The current state of a job; `null` for an id that is unknown or malformed. */
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
   * Explains why a job is where it is, and what would change that; `null` for an id that is unknown or malformed. Answers
   * within about two seconds, even if the store does not; then that is the explanation.
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

  /** Cancels a pending or running job; `true` only if this call did. */
  async cancel(jobId: string, options: CancelOptions = {}): Promise<boolean> {
    checkOptions(options, ["by", "task"], "options of cancel()");
    const { by } = options;
    const task = taskOf(options, "cancel");
    const note = by === undefined ? null : truncate(text(by, "by of cancel()"), MAX_NOTE_BYTES);
    if (!isJobId(jobId)) return false;
    await this.#open();
    this.#ownCancels.begin(jobId);
    let learned: string | null = null;
    // If this call fails, its cancel is probably the one that the worker learned of.
    let isOwn = true;
    try {
      isOwn = await this.#cancels.add({ id: jobId, task, by: note });
      if (isOwn) this.#supervisor.cancelled(jobId);
    } finally {
      learned = this.#ownCancels.end(jobId, isOwn);
      if (learned !== null) this.#events.emit("cancelled", { jobId, task: learned, isOwn });
    }
    if (!isOwn) return false;
    this.#janitor.finished();
    if (learned === null && this.#events.has("cancelled")) await this.#lookUpCancelled(jobId);
    return true;
  }

  /** Makes a failed or cancelled job pending again, with a new budget of retries; `true` only if this call did. */
  async retry(jobId: string, options: { readonly task?: string | undefined } = {}): Promise<boolean> {
    checkOptions(options, ["task"], "options of retry()");
    const task = taskOf(options, "retry");
    if (!isJobId(jobId)) return false;
    await this.#open();
    return this.#retries.add({ id: jobId, task });
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

  /** The number of jobs by status and by task. */
  async counts(): Promise<Counts> {
    await this.#open();
    return countsOf(await this.#store.count());
  }

  /**
   * The pending job of each task that has been due longest, and for how long: how far behind the task is. The longest wait
   * comes first; tasks without a job that is due are left out. Delayed jobs and those that wait for a retry are not due yet.
   *
   * @param options `tasks`: only these; default: all
   * @throws JobError `invalid_option`
   * @example
   * ```ts
   * const [worst] = await queue.oldestDue();
   * if (worst && worst.waitMs > 60_000) console.warn(`${worst.task} is behind: ${worst.jobId}`);
   * ```
   */
  async oldestDue(options: { readonly tasks?: readonly string[] | undefined } = {}): Promise<OldestDue[]> {
    checkOptions(options, ["tasks"], "options of oldestDue()");
    const names = namesIn(options.tasks, "oldestDue()");
    await this.#open();
    return oldestDue(this.#store, names ?? pendingTasks(countsOf(await this.#store.count())));
  }

  /**
   * Removes finished jobs now, a page at a time; without options, those that retention no longer keeps. Spares jobs that
   * a caller waits for or has waited for within the last half minute.
   *
   * @returns how many were removed; if that equals `limit`, there may be more
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
    const { timeout, signal } = options;
    const task = taskOf(options, "wait");
    const timeoutMs = timeout === undefined ? null : toMs(timeout, "timeout of wait()");
    if (signal !== undefined) checkSignal(signal, "signal of wait()");
    if (!isJobId(jobId))
      throw new JobError("job_not_found", `No job has the id ${shown(jobId)}: it is not a valid job id.`);
    await this.#open();
    // If it has been closed since, nothing would end the wait.
    this.#checkOpen();
    const record = await this.#waiter.wait(jobId, task, timeoutMs, signal);
    return (await this.#reader.show(record)) as FinishedJob;
  }

  /**
   * Calls a listener for events of this process; returns a function that removes it.
   *
   * @throws JobError `invalid_option` for an unknown event
   */
  on<Name extends EventName>(event: Name, listener: Listener<Name>): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Calls a listener with the ids of jobs that finish (completed, failed or cancelled), in whichever process. These are
   * hints: one may be missing, late or duplicated. Resolves with a function that ends the subscription.
   *
   * @throws JobError `invalid_option`, `queue_unavailable`, `queue_closed`
   * @example
   * ```ts
   * const stop = await queue.watchFinished(({ jobIds }) => console.log(`${jobIds.length} more are done`));
   * ```
   */
  async watchFinished(listener: (finished: FinishedJobs) => void): Promise<() => void> {
    if (typeof listener !== "function")
      throw new JobError("invalid_option", `watchFinished() takes a function, not ${shown(listener)}.`);
    await this.#open();
    return this.#store.subscribe("finished", (signal) => {
      if (signal.kind !== "finished") return;
      const finished: FinishedJobs = {
        get jobIds() {
          return signal.ids;
        },
      };
      guarded(
        () => listener(finished),
        (error) => this.#events.report(error),
      );
    });
  }

  /** Where its jobs are, without secrets: `"memory"`, `"sqlite:/srv/jobs.db"`, `"redis://db:6379, prefix rapidai:jobs:"`. */
  get place(): string {
    return this.#store.place ?? this.#store.name;
  }

  /** Whether this process runs jobs of this queue: its option `worker`. */
  get isWorker(): boolean {
    return this.#settings.isWorker;
  }

  /** The names of the tasks of this queue that this process has made. */
  get taskNames(): readonly string[] {
    return [...this.#supervisor.tasks.keys()];
  }

  /**
   * Starts working now, and keeps the process alive until `stop` or `close`. With `worker: false` it still runs no jobs.
   *
   * @param options `tasks`: the names of the tasks whose jobs run here until the queue is stopped; default all. A queue that is
   * working has to be stopped first.
   * @throws JobError `queue_unavailable` if the store cannot be reached; the queue goes on trying. `invalid_option`.
   * @example
   * ```ts
   * await queue.stop();
   * await queue.start({ tasks: queue.taskNames.filter((name) => name !== "charge") });
   * ```
   */
  async start(options: { readonly tasks?: readonly string[] | undefined } = {}): Promise<void> {
    this.#checkOpen();
    checkOptions(options, ["tasks"], "options of start()");
    const names = namesIn(options.tasks, "start()");
    if (this.#closing !== undefined) return;
    if (this.#settings.isWorker) this.#janitor.start();
    await this.#supervisor.start(names && new Set(names));
  }

  /**
   * Stops working gracefully, as `close` does, but can be started again; the queue can still enqueue and read.
   *
   * @param options `grace`: how long to wait for running jobs; default: the queue's own, `"10s"` unless set
   */
  async stop(options: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    await this.#supervisor.stop(this.#graceOf(options));
  }

  /**
   * Stops for good: claims nothing more, waits up to `grace` for running jobs, aborts their signals, hands back the jobs
   * that remain, and disconnects from the store. Every step is bounded. Idempotent: the shortest `grace` given counts.
   *
   * @param options `grace`: how long to wait for running jobs; default: the queue's own, `"10s"` unless set
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
   * Resolves when the store can be reached, and rejects if that takes longer than `timeout`.
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

  /** Asks the store too, since it may have become unreachable after it was opened. */
  async #reach(): Promise<void> {
    await this.#open();
    await this.#store.get([newJobId()], { isDetailed: false, holdMs: 0 });
  }

  /** Whether jobs can be claimed now, found out without running one. Never rejects. */
  async health(): Promise<Health> {
    return probe(
      this.#store,
      async () => this.#open(),
      () => this.#supervisor.check(),
    );
  }

  /**
   * Attaches a task to this queue, which runs its jobs from then on.
   *
   * @internal Called by tasks themselves.
   * @throws JobError `duplicate_task`
   */
  attach(definition: TaskDefinition, { isReplacing = false }: { readonly isReplacing?: boolean } = {}): void {
    // A task that a newer one has replaced may still be called, which must not bring it back.
    if (this.#attached.has(definition)) return;
    if (!isReplacing && this.#supervisor.tasks.has(definition.name)) refuseDuplicate(definition.name);
    this.#attached.add(definition);
    this.#supervisor.add(definition);
    if (this.#settings.isWorker && this.#closing === undefined) this.#janitor.start();
  }

  /** Makes and checks a job without storing it, for queues that can store one in other ways than `enqueue`. */
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
    if (definition === undefined) throw new JobError("invalid_option", "enqueue() takes a task or the name of one.");
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
    // While it is closing, running jobs may still enqueue and read.
    if (this.#isClosed) {
      throw new JobError(
        "queue_closed",
        `This ${this.#store.name} queue is closed: create a new one, or close it later.`,
      );
    }
  }

  /** Opens the store; `undefined`, with nothing to await, once it is open. */
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
    const changes = [this.#producer, this.#cancels, this.#retries].map((calls) => calls.drained());
    await settlesWithin(STEP_MS, Promise.all(changes));
    this.#isClosed = true;
    this.#waiter.close(
      new JobError(
        "queue_closed",
        "The queue was closed while this call was waiting for a job; the job itself is unchanged.",
      ),
    );
    if (!this.#store.isDurable) await settlesWithin(STEP_MS, this.#warnOfLoss());
    await settlesWithin(STEP_MS, this.#store.close());
    this.#leaveClock();
    this.#resolveClosed();
  }

  async #warnOfLoss(): Promise<void> {
    const { byStatus } = countsOf(await this.#store.count());
    const unfinished = byStatus.pending + byStatus.running;
    if (unfinished > 0)
      this.#events.warn(`A queue in memory was closed with ${counted(unfinished, "unfinished job")}, now lost.`);
  }

  async #lookUpCancelled(jobId: string): Promise<void> {
    try {
      const [record] = await this.#store.get([jobId], { isDetailed: false, holdMs: 0 });
      if (record) this.#events.emit("cancelled", { jobId, task: record.task, isOwn: true });
    } catch (error) {
      // The job is cancelled all the same: only its event is missing.
      this.#report(error);
    }
  }

  /** Reports an error that no caller gets. Calls in flight at the close fail because of it, and nobody waits for them any more. */
  #report(error: unknown): void {
    if (!this.#isClosed) this.#events.report(error);
  }
}

/** Checks an optional list of task names; without it, all tasks are meant. */
function namesIn(tasks: unknown, call: string): string[] | undefined {
  if (tasks === undefined) return undefined;
  if (!Array.isArray(tasks))
    throw new JobError("invalid_option", `The tasks of ${call} must be a list of names, not ${shown(tasks)}.`);
  return tasks.map((task) => text(task, `task of ${call}`));
}

/** Checks an optional task name; `null` stands for any task. */
function taskOf({ task }: { readonly task?: string | undefined }, method: string): string | null {
  return task === undefined ? null : text(task, `task of ${method}()`);
}
