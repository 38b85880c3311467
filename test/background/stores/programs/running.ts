// Has one job that runs and one that is to run in an hour, and closes nothing: see life.test.ts.
import { background } from "rapidai/background";
import { queueOf } from "./shared.ts";

const queue = queueOf(JSON.parse(process.argv[2] as string));
const begun = Promise.withResolvers<void>();
const work = background({ name: "work", queue }, async () => {
  begun.resolve();
  // Keeps no process alive by itself.
  await new Promise((resolve) => setTimeout(resolve, 300).unref());
  process.stdout.write("ran");
});
await work.enqueue(undefined, { delay: "1h" });
await work.enqueue();
// Until it runs nothing else need keep the process alive.
const alive = setInterval(() => {}, 1_000);
await begun.promise;
clearInterval(alive);
