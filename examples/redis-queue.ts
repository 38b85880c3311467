import { background, JobError, RedisQueue } from "rapidai/background";

const url = process.env.REDIS_URL ?? "redis://localhost:6379";

// #region redis-queue
const queue = new RedisQueue({ url, prefix: "myapp:jobs:" });

const importantTask = background({ name: "important-task", maxRetries: 3, queue }, async (data: string) => {
  return { processed: data }; // the job outlives this process: any server that has the task can run it
});
// #endregion

try {
  const jobId = await importantTask.enqueue("the books of 1842");
  const { status, result } = await importantTask.wait(jobId);
  console.log(status, result);
} catch (error) {
  if (!(error instanceof JobError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
await queue.close();
