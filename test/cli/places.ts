import { join } from "node:path";
import { type JobQueue, RedisQueue, SqliteQueue } from "rapidai/background";
import { afterAll, beforeAll, describe, onTestFinished, vi } from "vitest";
import { isWithoutRedis } from "../redis/program.ts";
import { type RedisProcess, startRedis } from "../redis/server.ts";
import { ownFolder } from "../stores/folder.ts";

// Each test starts processes, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 90_000 });

/** Where a queue is, for this process and for the command line. */
export interface Place {
  readonly url: string;
  /** What every command is told besides the url. */
  readonly args: readonly string[];
  /** A queue of this process there. */
  open(options?: { readonly worker?: boolean }): JobQueue;
}

/** The same tests on every queue that two processes can share. */
export function onSharedQueues(tests: (place: () => Place) => void): void {
  describe("on SQLite", () => {
    const folder = ownFolder();
    let files = 0;
    tests(() => {
      const path = join(folder, `${files++}.db`);
      const open: Place["open"] = ({ worker = false } = {}) => closed(new SqliteQueue({ path, worker, lease: "3s" }));
      return { url: `sqlite:${path}`, args: [], open };
    });
  });
  describe.skipIf(isWithoutRedis)("on Redis", () => {
    let redis: RedisProcess;
    let prefixes = 0;
    beforeAll(async () => {
      await import("redis");
      redis = await startRedis({ appendonly: "yes" });
    });
    afterAll(() => redis.stop());
    tests(() => {
      const [url, prefix] = [redis.url, `cli:${prefixes++}:`];
      const open: Place["open"] = ({ worker = false } = {}) =>
        closed(new RedisQueue({ url, prefix, worker, lease: "3s" }));
      return { url, args: ["--prefix", prefix], open };
    });
  });
}

function closed(queue: JobQueue): JobQueue {
  onTestFinished(() => queue.close({ grace: 0 }));
  return queue;
}
