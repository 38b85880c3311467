// What a handler enters in an AsyncLocalStorage of its own, and what the handlers after it find there.
import { AsyncLocalStorage } from "node:async_hooks";
import { background, currentJob, InMemoryQueue } from "rapidai/background";

const tenant = new AsyncLocalStorage<string>();
const queue = new InMemoryQueue({ concurrency: 1 });
const task = background({ queue }, async function enters(name: string | null, job) {
  const before = tenant.getStore();
  if (name !== null) tenant.enterWith(name);
  await Promise.resolve();
  return { before, after: tenant.getStore(), isAtHand: currentJob()?.id === job.id };
});
const found: unknown[] = [];
for (const name of ["ada", null]) {
  const job = await task.wait(await task.enqueue(name));
  found.push(job.result);
}
console.log(JSON.stringify({ found, outside: currentJob() ?? tenant.getStore() ?? null }));
