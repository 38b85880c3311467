import { expect, onTestFinished, test, vi } from "vitest";
import { Grace } from "../../../src/background/engine/grace.ts";

test("a grace has one timer, that of the shortest time given, and none once what it limits is over", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const grace = new Grace(3_600_000);
  expect([grace.ms, vi.getTimerCount()]).toEqual([3_600_000, 1]);
  grace.shorten(50);
  grace.shorten(60);
  expect([grace.ms, vi.getTimerCount()]).toEqual([50, 1]);
  await grace.wait(Promise.resolve());
  expect(vi.getTimerCount()).toBe(0);
  grace.shorten(10);
  expect([grace.ms, vi.getTimerCount()]).toEqual([50, 0]);
});

test("a grace is over after the shortest time given, counted from when it was given", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const grace = new Grace(100);
  const over = vi.fn();
  const waited = grace.wait(new Promise(() => {})).then(over);
  await vi.advanceTimersByTimeAsync(60);
  grace.shorten(30);
  grace.shorten(35);
  await vi.advanceTimersByTimeAsync(29);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toHaveBeenCalled();
  await waited;
});

test("a grace can be longer than a timer", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const over = vi.fn();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waited = new Grace(30 * 86_400_000).wait(promise).then(over);
  await vi.advanceTimersByTimeAsync(20 * 86_400_000);
  expect(over).not.toHaveBeenCalled();
  resolve();
  await waited;
});
