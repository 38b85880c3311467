import { background, InMemoryQueue, type JobQueue, RedisQueue } from "rapidai/background";

const url = process.env.REDIS_URL ?? "redis://localhost:6379";

// #region redis-with-fallback
let queue: JobQueue = new RedisQueue({ url });
try {
  await queue.ready(); // rejects within two seconds when Redis cannot be reached
} catch (error) {
  console.log(`Redis connection failed: ${(error as Error).message}`);
  await queue.close();
  queue = new InMemoryQueue();
}
// #endregion

const greet = background({ queue }, async function greet(name: string) {
  return `Hello, ${name}!`;
});
const { result } = await greet.wait(await greet.enqueue("Ada"));
console.log(`${result} On ${(await queue.health()).store}.`);
await queue.close();
