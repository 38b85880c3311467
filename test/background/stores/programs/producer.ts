// Enqueues without pause until it is killed, and notes which ids were acknowledged: see kills.ts.
import { appendFileSync } from "node:fs";
import { queueOf } from "./shared.ts";

const [options, acknowledged, maxWaiting] = process.argv.slice(2) as [string, string, string];
const queue = queueOf({ ...JSON.parse(options), worker: false });

const whole = (below: number): number => Math.floor(Math.random() * below);

async function produce(): Promise<void> {
  for (;;) {
    const work = { ms: whole(10) === 0 ? whole(200) : whole(10), failures: whole(8) === 0 ? 1 : 0 };
    let id: string;
    try {
      id = await queue.enqueue("work", work);
    } catch {
      // The store's server may be down for a while; nothing was acknowledged.
      continue;
    }
    appendFileSync(acknowledged, `${id}\n`);
    if (whole(20) === 0) {
      // Keeps the backlog small, since the test waits for all of it at the end.
      const pending = () =>
        queue.counts().then(
          ({ byStatus }) => byStatus.pending,
          () => Number.POSITIVE_INFINITY,
        );
      while ((await pending()) > Number(maxWaiting)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

for (let n = 0; n < 4; n++) void produce();
process.on("disconnect", () => process.exit(1));
