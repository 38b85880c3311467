import { background, JobError, RedisQueue } from "rapidai/background";

const url = process.env.REDIS_URL ?? "redis://localhost:6379";

try {
  // #region redis-in-production
  const queue = new RedisQueue({ url, prefix: "myapp:jobs:" });
  await queue.ready(); // rejects if Redis cannot be reached, or would evict jobs when its memory is full
  const bill = background({ name: "bill", queue }, async (customer: string) => `${customer} is billed`);
  await queue.start(); // the worker is alive now, not one turn later, so health() does not miss it

  const { warnings, details } = await queue.health();
  for (const { code, message, remedy } of warnings) console.warn(`${code}: ${message} ${remedy}`);
  // #endregion
  console.log(`Redis ${details.version}, ${details.role}, maxmemory-policy ${details.evictionPolicy}`);

  const { status, result } = await bill.wait(await bill.enqueue("Ada"));
  console.log(status, result);
  await queue.close();
} catch (error) {
  if (!(error instanceof JobError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
