// A worker process of one contender: `node redis-worker.ts NAME URL`. It says "ready" when it is connected, works from
// "go" on, and ends with its parent.
import { background, RedisQueue } from "rapidai/background";
import { CONCURRENCY } from "../workload.ts";
import { drainBare } from "./bare-redis.ts";
import { bullWorker } from "./bullmq.ts";

const [name, url] = process.argv.slice(2) as [string, string];

const prepare: Readonly<Record<string, () => Promise<() => Promise<unknown>>>> = {
  async rapidai() {
    const queue = new RedisQueue({ url, concurrency: CONCURRENCY });
    background({ queue }, async function noop(): Promise<void> {});
    await queue.stop();
    await queue.ready();
    return () => queue.start();
  },
  async bullmq() {
    const worker = await bullWorker(url);
    return () => worker.run();
  },
  async bare() {
    return drainBare(url);
  },
};

const start = await (prepare[name] as () => Promise<() => Promise<unknown>>)();
process.once("message", () => void start());
process.once("disconnect", () => process.exit());
process.send?.("ready");
