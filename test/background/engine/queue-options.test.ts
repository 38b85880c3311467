import { InMemoryQueue, type QueueOptions } from "rapidai/background";
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

test("options that are left out or undefined have the defaults that the guide to queues gives", () => {
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

test("the smallest values are accepted", () => {
  const smallest = { concurrency: 1, lease: 100, grace: 0, retention: { age: 0, count: 0 } };
  expect(queueSettings({ ...smallest, limits: { payload: 1, result: 1 } })).toMatchObject({
    concurrency: 1,
    leaseMs: 100,
    graceMs: 0,
    retention: { ageMs: 0, count: 0 },
    limits: { payload: 1, result: 1 },
  });
});

test.each([
  [{ concurrency: 0 }, "concurrency"],
  [{ concurrency: 100_001 }, "from 1 to 100000"],
  [{ lease: 99 }, "at least 100 ms"],
  [{ grace: -1 }, "grace"],
  [{ retention: { age: -1 } }, "retention.age"],
  [{ retention: { count: -1 } }, "retention.count"],
  [{ retention: { days: 7 } }, "'days' is not one of the retention options of the queue"],
  [{ retention: null }, "must be an object, not null"],
  [{ limits: { payload: 0 } }, "limits.payload"],
  [{ limits: { result: 0 } }, "limits.result"],
  [{ limits: { result: 1.5 } }, "limits.result"],
  [{ logger: { info: () => {} } }, "logger has no method debug()"],
])("%j is refused, and the message says why", (options, sentence) => {
  expect(() => queueSettings(options as QueueOptions)).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(sentence) }),
  );
});

test("a queue in memory keeps 10,000 finished jobs by default", async () => {
  const clock = new ManualClock();
  await using queue = new InMemoryQueue({ clock });
  const ids = await queue.enqueueMany("nobody", Array.from({ length: 10_001 }));
  await Promise.all(ids.map((id) => queue.cancel(id)));
  await queue.prune();
  expect((await queue.counts()).byStatus.cancelled).toBe(10_000);
});
