import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import { isDone } from "../core/lifecycle.ts";
import type { JobRecord, Store } from "../core/store.ts";
import { Batcher } from "./batcher.ts";
import type { KeepAlive } from "./keep-alive.ts";
import { Subscription } from "./subscription.ts";

export interface WaiterInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly keepAlive: KeepAlive;
  readonly onError: (error: unknown) => void;
}

interface Wait {
  /** Whether the job has been read since the wait began. */
  isChecked: boolean;
  /** Whether its timeout has passed. */
  isLate: boolean;
  readonly giveUp: () => void;
  readonly task: string | null;
  readonly resolve: (record: JobRecord) => void;
  readonly reject: (error: unknown) => void;
}

/** How long the store spares a job that is waited for, even if finished; renewed by each check. */
const HOLD_MS = 30_000;
/** How often to check, whatever the store signals. */
const POLL_MS = { durable: 1_000, memory: 10_000 };

/** Waits for jobs to finish: signals make it fast, polling makes it reliable. */
export class Waiter {
  readonly #init: WaiterInit;
  readonly #waits = new Map<string, Set<Wait>>();
  readonly #checks: Batcher<string, JobRecord | null>;
  /** Checks not sent yet, which serve every wait that begins for the job until then. */
  readonly #unsent = new Map<string, Promise<void>>();
  readonly #subscription: Subscription;
  #stopTimer: (() => void) | undefined;
  #isPolling = false;

  constructor(init: WaiterInit) {
    this.#init = init;
    this.#checks = new Batcher((ids) => {
      for (const id of ids) this.#unsent.delete(id);
      return init.store.get(ids, { isDetailed: false, holdMs: HOLD_MS });
    });
    this.#subscription = new Subscription(init.clock, () => this.#subscribe());
  }

  get isSettled(): boolean {
    return this.#checks.isIdle;
  }

  /**
   * Resolves with the record of a job that is done.
   *
   * @throws JobError `job_not_found`, `wait_timeout`, `wait_aborted`; `queue_closed` when the queue is closed meanwhile
   */
  wait(
    jobId: string,
    task: string | null,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ): Promise<JobRecord> {
    return new Promise((resolve, reject) => {
      const about = { jobId, task: task ?? undefined };
      // A job that is done resolves the wait however short the timeout.
      const onLate = () => {
        wait.isLate = true;
        if (wait.isChecked) wait.giveUp();
        else this.#check(jobId).catch(wait.reject);
      };
      const stopTimer = timeoutMs === null ? undefined : this.#init.clock.after(timeoutMs, onLate);
      const onAbort = () =>
        wait.reject(
          new JobError("wait_aborted", `The wait for job ${jobId} was aborted. The job itself continues.`, {
            ...about,
            cause: signal?.reason,
          }),
        );
      const end = () => {
        stopTimer?.();
        signal?.removeEventListener("abort", onAbort);
        this.#remove(jobId, wait);
      };
      const wait: Wait = {
        task,
        isChecked: false,
        isLate: false,
        giveUp: () =>
          wait.reject(
            new JobError(
              "wait_timeout",
              `Job ${jobId} was not done within ${timeoutMs} ms. It continues: wait again, or cancel it.`,
              about,
            ),
          ),
        resolve: (record) => {
          end();
          resolve(record);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort);
      this.#add(jobId, wait);
    });
  }

  /** Rejects all pending waits. */
  close(error: JobError): void {
    for (const waits of [...this.#waits.values()]) for (const wait of [...waits]) wait.reject(error);
    this.#subscription.end();
  }

  #add(jobId: string, wait: Wait): void {
    this.#init.keepAlive.set("waiting", true);
    const waits = this.#waits.get(jobId) ?? new Set();
    this.#waits.set(jobId, waits.add(wait));
    this.#pollLater();
    // Subscribes before the first check, or the job could finish unnoticed between the two.
    this.#subscription
      .need()
      .then(() => this.#check(jobId))
      .catch(wait.reject);
  }

  #remove(jobId: string, wait: Wait): void {
    const waits = this.#waits.get(jobId);
    if (waits?.delete(wait) && waits.size === 0) this.#waits.delete(jobId);
    if (this.#waits.size > 0) return;
    this.#init.keepAlive.set("waiting", false);
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#subscription.release();
  }

  #subscribe(): Promise<() => void> {
    return this.#init.store.subscribe("finished", (signal) => {
      if (signal.kind !== "finished" || this.#waits.size === 0) return;
      void this.#checkAll(signal.ids.filter((id) => this.#waits.has(id)));
    });
  }

  /** Polls again only once the previous poll was answered: a silent store must not get the same calls again and again. */
  #pollLater(): void {
    if (this.#isPolling) return;
    const { clock, store } = this.#init;
    const poll = async () => {
      this.#stopTimer = undefined;
      this.#isPolling = true;
      await this.#checkAll([...this.#waits.keys()]);
      this.#isPolling = false;
      if (this.#waits.size > 0) this.#pollLater();
    };
    this.#stopTimer ??= clock.after(store.isDurable ? POLL_MS.durable : POLL_MS.memory, poll, Number.POSITIVE_INFINITY);
  }

  /** A store that is away does not end waits in progress; of many failures, one is reported. */
  async #checkAll(jobIds: readonly string[]): Promise<void> {
    const checks = await Promise.allSettled(jobIds.map((id) => this.#check(id)));
    const failed = checks.find((check) => check.status === "rejected");
    if (failed !== undefined) this.#init.onError(failed.reason);
  }

  #check(jobId: string): Promise<void> {
    const unsent = this.#unsent.get(jobId);
    if (unsent !== undefined) return unsent;
    const check = this.#checkAnew(jobId);
    this.#unsent.set(jobId, check);
    return check;
  }

  async #checkAnew(jobId: string): Promise<void> {
    const record = await this.#checks.add(jobId).catch((error) => {
      // It may have failed unsent, together with a batch in flight.
      this.#unsent.delete(jobId);
      throw error;
    });
    for (const wait of [...(this.#waits.get(jobId) ?? [])]) {
      if (record === null || (wait.task !== null && wait.task !== record.task)) wait.reject(notFound(jobId, wait.task));
      else if (isDone(record.status)) wait.resolve(record);
      else if (wait.isLate) wait.giveUp();
      wait.isChecked = true;
    }
  }
}

function notFound(jobId: string, task: string | null): JobError {
  const ofTask = task === null ? "" : ` of task '${task}'`;
  return new JobError(
    "job_not_found",
    `Job ${jobId}${ofTask} was not found: the id is wrong, or the job finished long ago and was removed by the queue's retention.`,
    { jobId, task: task ?? undefined },
  );
}
