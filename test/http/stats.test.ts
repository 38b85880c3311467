import { InMemoryQueue } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import { StatsRing } from "../../src/http/stats.ts";

test("points for charts come every two seconds while somebody looks, are kept for half an hour, and name fifty tasks", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const queue = new InMemoryQueue({ worker: false });
  for (let task = 0; task < 51; task++) await queue.enqueue(`task-${task}`, null);
  const counts = vi.spyOn(queue, "counts");
  const ring = new StatsRing({ queue, onFinished: async () => () => {} });
  for (let minute = 0; minute < 31; minute++) {
    await ring.read();
    await vi.advanceTimersByTimeAsync(60_000);
  }
  const { points } = await ring.read();
  expect(points).toHaveLength(900);
  expect(Number(points[899]?.at) - Number(points[0]?.at)).toBe(899 * 2_000);
  expect(Object.keys(points[899]?.byTask ?? {})).toHaveLength(50);
  const before = counts.mock.calls.length;
  await vi.advanceTimersByTimeAsync(600_000);
  // One minute after nobody has looked any more.
  expect(counts.mock.calls.length - before).toBe(30);
});

test("points from before a time in which nobody looked are gone once they are older than half an hour", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const ring = new StatsRing({ queue: new InMemoryQueue({ worker: false }), onFinished: async () => () => {} });
  await ring.read();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  const { points } = await ring.read();
  expect(points.length).toBeGreaterThan(30);
  await vi.advanceTimersByTimeAsync(12 * 3_600_000);
  expect((await ring.read()).points).toHaveLength(1);
});
