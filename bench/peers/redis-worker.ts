// A worker process of one contender: `node redis-worker.ts NAME URL MODE`. It sends "ready" when connected, starts on
// "go", and ends with its parent. In mode "stamp" it sends the time at which each handler started; in mode "forget" it
// keeps few completed jobs; in mode "take time" each job takes 5 to 50 ms.
import { setTimeout as pause } from "node:timers/promises";
import { CONCURRENCY, FEW } from "../workload.ts";

const [name, url, mode] = process.argv.slice(2) as [string, string, string];

async function work(): Promise<void> {}

async function stamp(): Promise<void> {
  process.send?.(Number(process.hrtime.bigint()));
}

async function takeTime(): Promise<void> {
  await pause(5 + 45 * Math.random());
}

const handler = { stamp, "take time": takeTime }[mode] ?? work;
const kept = mode === "forget" ? FEW : null;

// Loads only the modules of its own contender.
const prepare: Readonly<Record<string, () => Promise<() => Promise<unknown>>>> = {
  async rapidai() {
    const { background, RedisQueue } = await import("rapidai/background");
    const queue = new RedisQueue({ url, concurrency: CONCURRENCY, retention: kept === null ? {} : { count: kept } });
    background({ queue, name: "noop" }, handler);
    await queue.stop();
    await queue.ready();
    return () => queue.start();
  },
  async bullmq() {
    const { bullWorker } = await import("./bullmq.ts");
    const worker = await bullWorker(url, handler, kept);
    return () => worker.run();
  },
  async bare() {
    const { drainBare, stampBare } = await import("./bare-redis.ts");
    return mode === "stamp" ? stampBare(url, stamp) : drainBare(url);
  },
};

const start = await (prepare[name] as () => Promise<() => Promise<unknown>>)();
process.once("message", () => void start());
process.once("disconnect", () => process.exit());
globalThis.gc?.();
process.send?.("ready");
