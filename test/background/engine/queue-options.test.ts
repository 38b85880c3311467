import { InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { expect, test } from "vitest";
import { queueSettings } from "../../../src/background/engine/queue-options.ts";

const DEFAULTS = {
  concurrency: 10,
  isWorker: true,
  leaseMs: 30_000,
  retention: { ageMs: 7 * 86_400_000, count: 100_000 },
  limits: { payload: 1_048_576, result: 1_048_576 },
  graceMs: 10_000,
};

test("what is left out, or undefined, is as the guide to queues has it", () => {
  expect(queueSettings({})).toMatchObject(DEFAULTS);
  expect(
    queueSettings({
      concurrency: undefined,
      worker: undefined,
      lease: undefined,
      retention: { age: undefined, count: undefined },
      limits: { payload: undefined, result: undefined },
      grace: undefined,
    }),
  ).toMatchObject(DEFAULTS);
});

test("in memory, 10,000 finished jobs are kept", async () => {
  const clock = new ManualClock();
  await using queue = new InMemoryQueue({ clock });
  const ids = await queue.enqueueMany("nobody", Array.from({ length: 10_001 }));
  await Promise.all(ids.map((id) => queue.cancel(id)));
  await queue.prune();
  expect((await queue.counts()).byStatus.cancelled).toBe(10_000);
});
