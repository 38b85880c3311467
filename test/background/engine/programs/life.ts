// One way for a process to use a queue: the test says which, and checks when the process ends.
import { background, InMemoryQueue } from "rapidai/background";

const say = (...words: unknown[]) => process.stdout.write(`${words.join(" ")}\n`);
const handlers = () =>
  ["exit", "SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection", "beforeExit"].map((name) =>
    process.listenerCount(name),
  );

// Fires only if something keeps the process alive. Counted from here: a busy machine may take as long to load the program.
setTimeout(() => {
  say("did not end");
  process.exit(1);
}, 9_000).unref();

const before = handlers().join();
const queue = new InMemoryQueue({ worker: process.argv[2] !== "producer" });
let attempts = 0;
const task = background({ queue, backoff: "100ms", maxRetries: 2 }, async function work(_: undefined, job) {
  attempts++;
  job.log("here");
  if (process.argv[2] === "cancelled")
    return new Promise<void>((resolve) => job.signal.addEventListener("abort", () => resolve()));
  if (attempts < 3 && process.argv[2] === "retries") throw new Error("again");
  say("ran", attempts);
});

switch (process.argv[2]) {
  case "retries":
  case "producer":
    await task.enqueue();
    break;
  case "delayed":
    await task.enqueue(undefined, { delay: "200ms" });
    break;
  case "left over":
    // No await: the process must wait for it all the same.
    void queue.enqueue("work", undefined);
    break;
  case "cancelled": {
    const jobId = await task.enqueue();
    setTimeout(() => void task.cancel(jobId), 100);
    break;
  }
  case "cancelled delayed": {
    const jobId = await task.enqueue(undefined, { delay: "1h" });
    setTimeout(() => void task.cancel(jobId), 100);
    break;
  }
  case "started":
    await queue.start();
    setTimeout(() => {
      say("still here");
      void queue.stop();
    }, 200).unref();
    break;
  case "waits": {
    const other = new InMemoryQueue({ worker: false });
    const jobId = await other.enqueue("nobody");
    setTimeout(() => void other.cancel(jobId), 200).unref();
    other.wait(jobId).then(({ status }) => say("waited", status));
    break;
  }
  case "stopped":
    await task.enqueue(undefined, { delay: "1h" });
    await queue.stop();
    break;
  case "closed at start": {
    const other = new InMemoryQueue();
    await Promise.all([other.start(), other.close()]);
    break;
  }
  case "closed":
    await task.enqueue(undefined, { delay: "1h" });
    await queue.close();
    break;
  case "somebody else's":
    await queue.enqueue("nobody-here");
    break;
  case "finished":
    await task.wait(await task.enqueue());
    break;
}
say("end of program");
process.on("exit", () =>
  say(
    "handlers",
    before ===
      handlers()
        .map((count, index) => (index === 0 ? count - 1 : count))
        .join()
      ? "as before"
      : "CHANGED",
  ),
);
