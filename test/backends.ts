import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, type JobQueue, type QueueOptions, RedisQueue, SqliteQueue } from "rapidai/background";
import { describe, onTestFinished } from "vitest";
import type { Store } from "../src/background/core/store.ts";
import { JobQueue as Queue } from "../src/background/engine/queue.ts";
import { queueSettings } from "../src/background/engine/queue-options.ts";
import { systemClock } from "../src/background/engine/system-clock.ts";
import { MemoryStore } from "../src/background/stores/memory/store.ts";
import { connectTo } from "../src/background/stores/redis/client.ts";
import { RedisStore } from "../src/background/stores/redis/store.ts";
import { SqliteStore } from "../src/background/stores/sqlite/store.ts";
import { FaultyStore, hangs } from "./background/engine/faulty-store.ts";
import { storeOptions } from "./redis/options.ts";
import { ownRedis } from "./redis/own-redis.ts";
import { isWithoutRedis } from "./redis/program.ts";
import type { RedisProcess } from "./redis/server.ts";
import { ownFolder } from "./stores/folder.ts";

/** One place where jobs are kept, and queues that share it, closed when the test ends. */
interface Backend {
  queue(options?: Omit<QueueOptions, "clock">): JobQueue;
  /** What keeps the jobs, without a queue: for what no queue of this release does. */
  store(): Promise<Store>;
  /** Has the backend take nothing from workers, as when it hangs; what is returned lets it answer again. */
  silence(): () => void;
}

/** Opens a backend of the test's own. */
export type OpenBackend = (clock?: Clock) => Backend;

/** The same tests on every queue there is. */
export function onEveryQueue(tests: (open: OpenBackend) => void): void {
  describe("in memory", () => tests(openMemory));
  describe("on SQLite", () => {
    const folder = ownFolder();
    tests((clock) => openSqlite(join(folder, `${number++}.db`), clock));
  });
  describe.skipIf(isWithoutRedis)("on Redis", () => {
    const redis = ownRedis();
    tests((clock) => openRedis(redis, clock));
  });
}

let number = 0;

function openMemory(clock?: Clock): Backend {
  const store = new MemoryStore({ clock: clock ?? systemClock });
  const ways: FaultyStore[] = [];
  return {
    queue: (options = {}) => {
      // Several queues can share a store in memory only where one is not theirs to close.
      const way = new FaultyStore(store, { isOwner: false });
      ways.push(way);
      return closed(new Queue(way, queueSettings({ ...options, clock })));
    },
    store: () => opened(store),
    silence: () => {
      for (const way of ways) for (const method of METHODS) way.on(method, hangs());
      return () => {
        for (const way of ways) way.heal();
      };
    },
  };
}

const METHODS = ["claim", "heartbeat", "get", "list", "count"] as const;

function openSqlite(path: string, clock?: Clock): Backend {
  const store = new SqliteStore({ path, durability: "normal", clock: clock ?? systemClock, isThreaded: false });
  return {
    queue: (options = {}) => closed(new SqliteQueue({ ...options, path, durability: "normal", thread: false, clock })),
    store: () => opened(store),
    silence: () => {
      const db = new DatabaseSync(path);
      db.exec("BEGIN IMMEDIATE");
      return () => db.close();
    },
  };
}

function openRedis({ url, pid }: RedisProcess, clock?: Clock): Backend {
  const prefix = `test:${number++}:`;
  const store = new RedisStore(storeOptions({ connect: connectTo(url), prefix, clock: clock ?? null }));
  return {
    queue: (options = {}) => closed(new RedisQueue({ ...options, url, prefix, clock })),
    store: () => opened(store),
    silence: () => {
      process.kill(pid, "SIGSTOP");
      return () => process.kill(pid, "SIGCONT");
    },
  };
}

function closed(queue: JobQueue): JobQueue {
  onTestFinished(() => queue.close({ grace: 0 }));
  return queue;
}

async function opened(store: Store): Promise<Store> {
  await store.open();
  onTestFinished(() => store.close());
  return store;
}
