import { join } from "node:path";
import { type JobQueue, RedisQueue, SqliteQueue } from "rapidai/background";
import { describe, type TestContext, vi } from "vitest";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { ownFolder } from "../stores/folder.ts";

// Each test starts processes, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 90_000 });

/** Where a queue is, for this process and for the command line. */
export interface Place {
  readonly url: string;
  /** What every command is told besides the url. */
  readonly args: readonly string[];
  /** A queue of this process there. */
  open(options?: { readonly worker?: boolean }): Promise<JobQueue>;
}

/** What a place opens is closed when the test ends that this is of. */
type PlaceOf = (context: Pick<TestContext, "onTestFinished">) => Place;

/** The same tests on every queue that two processes can share. */
export function onSharedQueues(tests: (placeOf: PlaceOf) => void): void {
  describe("on SQLite", () => {
    const folder = ownFolder();
    let files = 0;
    tests(({ onTestFinished }) => {
      const path = join(folder, `${files++}.db`);
      const open: Place["open"] = ({ worker = false } = {}) =>
        opened(new SqliteQueue({ path, worker, lease: "3s", thread: false, durability: "normal" }), onTestFinished);
      return { url: `sqlite:${path}`, args: [], open };
    });
  });
  describe.skipIf(isWithoutRedis)("on Redis", () => {
    const redis = ownRedis({ appendonly: "yes" });
    let prefixes = 0;
    tests(({ onTestFinished }) => {
      const [url, prefix] = [redis.url, `cli:${prefixes++}:`];
      const open: Place["open"] = ({ worker = false } = {}) =>
        opened(new RedisQueue({ url, prefix, worker, lease: "3s" }), onTestFinished);
      return { url, args: ["--prefix", prefix], open };
    });
  });
}

/** Waits for it to be there, however busy the machine is, and closes it when the test ends. */
async function opened(queue: JobQueue, onTestFinished: TestContext["onTestFinished"]): Promise<JobQueue> {
  onTestFinished(() => queue.close({ grace: 0 }));
  await vi.waitFor(() => queue.ready(), { timeout: 60_000 });
  return queue;
}
