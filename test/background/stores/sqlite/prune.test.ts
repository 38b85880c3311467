import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { Scene } from "../../../../src/testing/conformance/scene.ts";
import { newFolder } from "../peers.ts";

test("jobs that take long to remove are removed in several commits, between which others can write", async () => {
  const clock = new HandClock();
  const store = new SqliteStore({ path: join(newFolder(), "jobs.db"), durability: "normal", clock, isThreaded: false });
  onTestFinished(() => store.close());
  await store.open();
  const scene = new Scene(store, clock);
  for (let n = 0; n < 120; n++) await scene.finish(n, n % 2 === 0 ? "completed" : "cancelled");
  clock.move(1);
  let now = 0;
  const slow = vi.spyOn(performance, "now").mockImplementation(() => (now += 1_000));
  onTestFinished(() => slow.mockRestore());
  const none = { ageMs: null, count: 0 };
  let removed: number | undefined;
  const pruning = scene.prune({ completed: none, failed: none }).then((count) => {
    removed = count;
  });
  const left = new Set<number>();
  while (removed === undefined) {
    await turn();
    left.add((await scene.list()).length);
  }
  await pruning;
  expect([...left]).toEqual([120, 70, 20, 0]);
  expect(removed).toBe(120);
  expect((await store.count()).tasks.size).toBe(0);
});
