import { isBuiltin } from "node:module";
import type { DatabaseSync } from "node:sqlite";
import { withoutPassword } from "./backend-url.ts";
import { JobError } from "./core/errors.ts";
import { checkOptions, filePath, flag, text, wholeNumber } from "./core/options.ts";
import type { EnqueueArgs, Enqueueable } from "./engine/enqueue.ts";
import { JobQueue } from "./engine/queue.ts";
import { QUEUE_OPTIONS, type QueueOptions, queueSettings } from "./engine/queue-options.ts";
import { systemClock } from "./engine/system-clock.ts";
import { MemoryStore } from "./stores/memory/store.ts";
import { addressFault } from "./stores/redis/address.ts";
import { connectTo } from "./stores/redis/client.ts";
import { RedisStore } from "./stores/redis/store.ts";
import { connectLike, type RedisClient } from "./stores/redis/users-client.ts";
import type { Durability } from "./stores/sqlite/connection.ts";
import { SqliteStore } from "./stores/sqlite/store.ts";

/** Finished jobs of each kind that a queue in memory keeps by default. */
export const KEPT_IN_MEMORY = 10_000;

/**
 * A queue in this process's memory: the fastest, with nothing to install, but its jobs are gone when the process ends.
 *
 * Unfinished jobs, including delayed ones and those waiting for a retry, keep the process alive.
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
  /** The file; default `"jobs.db"`. It is created if missing, but its folder must exist. */
  readonly path?: string | undefined;
  /**
   * What a power failure may lose. `"full"`, the default: nothing that was acknowledged. `"normal"`: the last moments,
   * for fewer waits on the disk. A crash of the process loses nothing either way.
   */
  readonly durability?: Durability | undefined;
  /**
   * Whether the file is accessed on a thread of its own, so that the program never waits for the disk; default true. Use
   * `false` where the thread's program cannot be found, such as in a bundle.
   */
  readonly thread?: boolean | undefined;
}

/**
 * A queue in an SQLite file: nothing to install, jobs survive restarts, and several processes of one machine share it.
 *
 * Jobs left over from before a restart go on once the queue and its tasks are made.
 *
 * @throws JobError `invalid_option`; `backend_unavailable` on a Node.js without `node:sqlite`
 * @example
 * ```ts
 * const queue = new SqliteQueue({ path: "jobs.db" });
 * const convert = background({ name: "convert", queue }, async (path: string) => ({ path }));
 * ```
 */
export class SqliteQueue extends JobQueue {
  readonly #store: SqliteStore;

  constructor(options: SqliteQueueOptions = {}) {
    checkOptions(options, [...QUEUE_OPTIONS, "path", "durability", "thread"], "options of a SqliteQueue");
    const { path: given = "jobs.db", durability = "full", thread = true } = options;
    const path = filePath(given, "path of a SqliteQueue");
    if (durability !== "full" && durability !== "normal") {
      throw new JobError("invalid_option", `The durability of the SqliteQueue ${path} must be "full" or "normal".`);
    }
    if (!isBuiltin("node:sqlite")) {
      throw new JobError(
        "backend_unavailable",
        `This Node.js (${process.version}) has no node:sqlite: use Node.js 22.18 or newer.`,
      );
    }
    const settings = queueSettings(options);
    const store = new SqliteStore({
      path,
      durability,
      clock: settings.clock,
      isThreaded: flag(thread, "thread option of a SqliteQueue"),
    });
    super(store, settings);
    this.#store = store;
  }

  /**
   * Enqueues within your own transaction, on your own connection to the queue's file: the job exists if and only if the
   * transaction commits. Outside of a transaction it is stored at once.
   *
   * @returns the job's id, synchronously
   * @throws JobError with the codes of `enqueue`; `invalid_option` if the connection is to another file
   * @example
   * ```ts
   * const db = new DatabaseSync("app.db", { timeout: 2_000 }); // waits its turn while the queue writes
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
    this.#store.enqueueOn(db, job);
    return job.id;
  }
}

/** Settings of a {@link RedisQueue}. */
export interface RedisQueueOptions extends QueueOptions {
  /**
   * `redis://` or `rediss://` with user, password, host, port and database, of any node of a cluster; default
   * `"redis://localhost:6379"`. For sentinels: `redis+sentinel://user:password@host:26379,host:26379/name/database`.
   */
  readonly url?: string | undefined;
  /**
   * A client of the package `redis`, from `createClient`, `createCluster` or `createSentinel`, in place of `url`. The
   * queue duplicates it for connections of its own: it need not be connected, and closing it is up to you.
   */
  readonly client?: RedisClient | undefined;
  /** What all keys begin with, any string; default `"rapidai:jobs:"`. Queues with the same prefix share their jobs. */
  readonly prefix?: string | undefined;
  /**
   * When a job counts as accepted. `"primary"`, the default: once the server has it; what a crash of the server may lose
   * depends on its append-only file. `"replicated"`: once `replicas` have it too, else the call rejects with
   * `not_replicated`.
   */
  readonly durability?: "primary" | "replicated" | undefined;
  /** How many replicas must have a job with `"replicated"`; default 1. Invalid with `"primary"`. */
  readonly replicas?: number | undefined;
  /** Whether to accept a Redis that evicts keys when its memory is full, and so may lose jobs; default false. */
  readonly allowEviction?: boolean | undefined;
}

/** The default prefix of a {@link RedisQueue}'s keys. */
export const DEFAULT_PREFIX = "rapidai:jobs:";

const REDIS_OPTIONS = ["url", "client", "prefix", "durability", "replicas", "allowEviction"];

/**
 * A queue in Redis (6.2 or newer) or Valkey: jobs survive restarts, and many servers share them.
 *
 * It connects when it is first used, and needs the package `redis`. It never falls back to another backend by itself:
 * {@link JobQueue.ready} tells whether Redis can be reached.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const queue = new RedisQueue({ url: "redis://localhost:6379", prefix: "myapp:jobs:" });
 * await queue.ready();
 * const embed = background({ name: "embed", queue }, async (text: string) => ({ length: text.length }));
 * ```
 */
export class RedisQueue extends JobQueue {
  constructor(options: RedisQueueOptions = {}) {
    checkOptions(options, [...QUEUE_OPTIONS, ...REDIS_OPTIONS], "options of a RedisQueue");
    const { url = "redis://localhost:6379", client, prefix = DEFAULT_PREFIX, durability = "primary" } = options;
    const { allowEviction = false } = options;
    const isEvictionAllowed = flag(allowEviction, "allowEviction option of a RedisQueue");
    if (client !== undefined && options.url !== undefined) {
      throw new JobError("invalid_option", "A RedisQueue takes a url or a client, not both.");
    }
    if (client !== undefined && !(typeof client?.duplicate === "function" && "pSubscribe" in client)) {
      throw new JobError(
        "invalid_option",
        "The client of a RedisQueue must be from the package redis: use createClient(), createCluster() or, in its version 6, createSentinel().",
      );
    }
    const where = client === undefined ? withoutPassword(text(url, "url of a RedisQueue")) : "the client's address";
    const fault = addressFault(url);
    if (fault !== undefined) {
      throw new JobError(
        "invalid_option",
        `The url of a RedisQueue is ${fault}: ${JSON.stringify(where.slice(0, 100))}.`,
      );
    }
    if (durability !== "primary" && durability !== "replicated") {
      throw new JobError("invalid_option", 'The durability of a RedisQueue must be "primary" or "replicated".');
    }
    if (options.replicas !== undefined && durability !== "replicated") {
      throw new JobError(
        "invalid_option",
        'The replicas of a RedisQueue need durability: "replicated": set that as well, or leave them out.',
      );
    }
    const replicas = wholeNumber(options.replicas ?? 1, 1, "replicas of a RedisQueue");
    const settings = queueSettings(options);
    super(
      new RedisStore({
        connect: client === undefined ? connectTo(url) : connectLike(client),
        where,
        prefix: text(prefix, "prefix of a RedisQueue"),
        // The clock of Redis, since those of workers differ, unless a test passes one.
        clock: settings.clock === systemClock ? null : settings.clock,
        replicas: durability === "replicated" ? replicas : 0,
        isEvictionAllowed,
      }),
      settings,
    );
  }
}
