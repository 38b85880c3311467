import { background, InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, onTestFinished, test } from "vitest";
import { checksOf } from "../../src/cli/checkup.ts";

const HOUR_MS = 3_600_000;

test("a job that runs for too long is found behind as many newer ones as there are", async () => {
  const clock = new ManualClock(Date.now() - 2 * HOUR_MS);
  const queue = new InMemoryQueue({ clock, concurrency: 1_200 });
  const gate = Promise.withResolvers<void>();
  onTestFinished(async () => {
    gate.resolve();
    await queue.close();
  });
  const never = background({ name: "never", queue }, () => gate.promise);
  const busy = background({ name: "busy", queue }, () => gate.promise);
  const jobId = await never.enqueue();
  await clock.advance("2h");
  await busy.enqueueMany(Array.from({ length: 1_100 }));
  await clock.advance(0);
  const { checks } = await checksOf(queue, { backend: "memory", url: "memory:" }, HOUR_MS);
  expect(checks.find(({ name }) => name === "stuck")).toMatchObject({
    status: "warn",
    message: `1 of 1101 running jobs has run for longer than 1 h: ${jobId} (never)`,
  });
});
