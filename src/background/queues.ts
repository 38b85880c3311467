import { isBuiltin } from "node:module";
import type { DatabaseSync } from "node:sqlite";
import type { TimeSource } from "./core/clock.ts";
import { JobError } from "./core/errors.ts";
import { checkOptions } from "./core/options.ts";
import type { EnqueueArgs, Enqueueable } from "./engine/enqueue.ts";
import { JobQueue } from "./engine/queue.ts";
import { QUEUE_OPTIONS, type QueueOptions, queueSettings } from "./engine/queue-options.ts";
import { MemoryStore } from "./stores/memory/store.ts";
import type { Durability } from "./stores/sqlite/connection.ts";
import { SqliteStore } from "./stores/sqlite/store.ts";
import { enqueueOn } from "./stores/sqlite/transaction.ts";

/** Finished jobs of each kind that a queue in memory keeps, unless told otherwise. */
const KEPT_IN_MEMORY = 10_000;

/**
 * A queue in this process's memory: nothing to install and the fastest, and its jobs end with the process.
 *
 * Unfinished jobs, waiting to be retried or delayed ones among them, keep the process alive.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const queue = new InMemoryQueue({ concurrency: 4 });
 * const resize = background({ queue }, async function resize(path: string) {
 *   return { path };
 * });
 * ```
 */
export class InMemoryQueue extends JobQueue {
  constructor(options: QueueOptions = {}) {
    checkOptions(options, QUEUE_OPTIONS, "options of an InMemoryQueue");
    const settings = queueSettings(options, KEPT_IN_MEMORY);
    super(new MemoryStore({ clock: settings.clock }), settings);
  }
}

/** Settings of a {@link SqliteQueue}. */
export interface SqliteQueueOptions extends QueueOptions {
  /** The file; default `"jobs.db"`. It is created if it is not there; its folder must be. */
  readonly path?: string | undefined;
  /**
   * What a power failure may take. `"full"`, the default: nothing that was acknowledged. `"normal"`: the last moments,
   * for fewer waits on the disk. A process that dies takes nothing either way.
   */
  readonly durability?: Durability | undefined;
  /**
   * Whether the file is read and written on a thread of its own, so that the program never waits for the disk; default
   * true. `false` where a thread cannot find its program, such as in a bundle.
   */
  readonly thread?: boolean | undefined;
}

/**
 * A queue in an SQLite file: nothing to install, jobs survive restarts, and several processes of one machine share it.
 *
 * What was left over before a restart is found again: making the queue and its tasks is all it takes.
 *
 * @throws JobError `invalid_option`; `backend_unavailable` on a Node.js without `node:sqlite`
 * @example
 * ```ts
 * const queue = new SqliteQueue({ path: "jobs.db" });
 * const convert = background({ name: "convert", queue }, async (path: string) => ({ path }));
 * ```
 */
export class SqliteQueue extends JobQueue {
  readonly #path: string;
  readonly #clock: TimeSource;

  constructor(options: SqliteQueueOptions = {}) {
    checkOptions(options, [...QUEUE_OPTIONS, "path", "durability", "thread"], "options of a SqliteQueue");
    const { path = "jobs.db", durability = "full", thread = true } = options;
    if (typeof path !== "string" || path === "" || path === ":memory:" || path.includes("\0")) {
      throw new JobError(
        "invalid_option",
        "The path of a SqliteQueue must name a file; for a queue in memory there is InMemoryQueue.",
      );
    }
    if (durability !== "full" && durability !== "normal") {
      throw new JobError("invalid_option", `The durability of the SqliteQueue ${path} is neither "full" nor "normal".`);
    }
    if (!isBuiltin("node:sqlite")) {
      throw new JobError(
        "backend_unavailable",
        `This Node.js (${process.version}) has no node:sqlite: use version 22.18 or newer.`,
      );
    }
    const settings = queueSettings(options);
    super(new SqliteStore({ path, durability, clock: settings.clock, isThreaded: thread }), settings);
    this.#path = path;
    this.#clock = settings.clock;
  }
  /**
   * Enqueues inside a transaction of your own, on a connection of your own to the queue's file: the job exists if, and
   * only if, that transaction commits. Outside of one it is stored at once.
   *
   * @returns the job's id, at once: a transaction waits for nothing
   * @throws JobError what `enqueue` rejects with; `invalid_option` when the connection is to another file
   * @example
   * ```ts
   * const db = new DatabaseSync("app.db");
   * const queue = new SqliteQueue({ path: "app.db" });
   * await queue.ready();
   *
   * db.exec("BEGIN IMMEDIATE");
   * db.prepare("INSERT INTO orders (id) VALUES (?)").run(orderId);
   * queue.enqueueWithin(db, sendReceipt, { orderId });
   * db.exec("COMMIT");
   * ```
   */
  enqueueWithin<P>(db: DatabaseSync, task: Enqueueable<P> | string, ...args: EnqueueArgs<NoInfer<P>>): string {
    const job = this.prepare(task, ...args);
    enqueueOn(db, this.#path, job, this.#clock.now());
    return job.id;
  }
}
