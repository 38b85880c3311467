// Has one running job and one that is due in an hour, and does not close its queue: see life.test.ts.
import { background } from "rapidai/background";
import { queueOf } from "./shared.ts";

const queue = queueOf(JSON.parse(process.argv[2] as string));
const begun = Promise.withResolvers<void>();
const work = background({ name: "work", queue }, async () => {
  begun.resolve();
  // This timer does not keep the process alive.
  await new Promise((resolve) => setTimeout(resolve, 300).unref());
  process.stdout.write("ran");
});
await work.enqueue(undefined, { delay: "1h" });
await work.enqueue();
// Until the job runs, nothing else has to keep the process alive.
const alive = setInterval(() => {}, 1_000);
await begun.promise;
clearInterval(alive);
