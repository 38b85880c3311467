import { InMemoryQueue, type JobResult } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import type { FinishedJobs } from "../../src/background/engine/queue.ts";
import { type StatsInit, type StatsPoint, StatsRing } from "../../src/http/stats.ts";

/** A ring, and what tells it of finished jobs once it listens. */
function signalled(queue: InMemoryQueue): { ring: StatsRing; finish: (finished: FinishedJobs) => void } {
  let tell = (_: FinishedJobs) => {};
  const onFinished: StatsInit["onFinished"] = async (listener) => {
    tell = listener;
    return () => {};
  };
  return { ring: new StatsRing({ queue, onFinished }), finish: (finished) => tell(finished) };
}

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

test("points tell run and wait times also if the store's clock is far behind", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const queue = new InMemoryQueue({ worker: false });
  const { ring, finish } = signalled(queue);
  const before = (ms: number) => new Date(Date.now() - 3_600_000 - ms);
  const job = { status: "completed", runAt: before(9), attemptedAt: before(5), completedAt: before(0) };
  vi.spyOn(queue, "getResult").mockResolvedValue(job as JobResult);
  await ring.read();
  finish({ jobIds: ["job"] });
  await vi.advanceTimersByTimeAsync(2_000);
  expect((await ring.read()).points.at(-1)).toMatchObject({ runMs: { p50: 5 }, waitMs: { p50: 4 } });
});

test("points tell failures by the counts, and by the sample where retention removes as many as are added", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const queue = new InMemoryQueue({ worker: false });
  const { ring, finish } = signalled(queue);
  const counts = vi.spyOn(queue, "counts");
  /** A hundred jobs, which all end with this status, and the point after that. */
  const after = async (status: string, completed: number, failed: number) => {
    const byStatus = { pending: 0, running: 0, completed, failed, cancelled: 0 };
    counts.mockResolvedValue({ byStatus, byTask: {} });
    vi.spyOn(queue, "getResult").mockResolvedValue({ status } as JobResult);
    finish({ jobIds: Array.from({ length: 100 }, (_, n) => `${n}`) });
    await ring.read();
    await vi.advanceTimersByTimeAsync(2_000);
    const { throughput, failures } = (await ring.read()).points.at(-1) as StatsPoint;
    return { throughput, failures };
  };
  // The first ones end before anybody listens.
  expect(await after("completed", 0, 0)).toEqual({ throughput: 0, failures: 0 });
  expect(await after("completed", 90, 10)).toEqual({ throughput: 50, failures: 5 });
  expect(await after("failed", 90, 10)).toEqual({ throughput: 50, failures: 50 });
  expect(await after("completed", 90, 10)).toEqual({ throughput: 50, failures: 0 });
});
