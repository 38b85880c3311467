import { background, getQueue, JobError } from "rapidai/background";

try {
  // #region backend-by-environment
  // In memory for development, Redis for production.
  const backend = process.env.PRODUCTION ? "redis" : "memory";

  const queue = getQueue({ backend, url: backend === "redis" ? process.env.REDIS_URL : undefined });
  // #endregion

  const greet = background({ queue }, async function greet({ name }: { name: string }) {
    return `Hello, ${name}!`;
  });
  const job = await greet.wait(await greet.enqueue({ name: "Ada" }));
  console.log(`On the backend "${backend}":`, job.result);
  if (backend === "memory")
    console.log(
      "Try it with PRODUCTION=1 and a Redis server; without a server it fails instead of using another backend.",
    );
  await queue.close();
} catch (error) {
  if (!(error instanceof JobError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
