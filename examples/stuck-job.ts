import { background, InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";

// A manual clock: this program covers six minutes without waiting for them.
const clock = new ManualClock();
const queue = new InMemoryQueue({ clock });

const syncCatalog = background({ queue }, async function syncCatalog({ shop }: { shop: string }, job) {
  // The first time, the other side never answers.
  if (job.attempt === 1) await new Promise((_, reject) => job.signal.addEventListener("abort", reject));
  return { shop, products: 120 };
});

// #region stuck-job
/** Restarts a job whose attempt has been running for more than five minutes. */
async function restartIfStuck(jobId: string, now: number = Date.now()): Promise<boolean> {
  const job = await syncCatalog.getResult(jobId);
  if (job?.status !== "running") return false;

  const runningMs = now - job.attemptedAt.getTime();
  if (runningMs <= 5 * 60_000) return false;

  const isCancelled = await syncCatalog.cancel(jobId, { by: "restartIfStuck" });
  return isCancelled && queue.retry(jobId);
}

// If you know how long a task may take, set a timeout instead: background({ timeout: "5m" }, …) ends such an attempt.
// #endregion

const jobId = await syncCatalog.enqueue({ shop: "north" });
for (const minutes of [1, 5]) {
  await clock.advance(`${minutes}m`);
  const isRestarted = await restartIfStuck(jobId, clock.now());
  console.log(`${minutes} min later: ${isRestarted ? "cancelled and restarted" : "still running, left alone"}`);
}

await clock.advance("1s");
const job = await syncCatalog.wait(jobId);
console.log(`Status: ${job.status} on attempt ${job.attempts},`, job.result);
await queue.close();
