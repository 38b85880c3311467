import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, newJob, Scene } from "../../../../src/testing/conformance/scene.ts";
import { newFolder } from "../peers.ts";

test.each([true, false])(
  "a call that fails does not affect others that share its commit, thread: %s",
  async (isThreaded) => {
    const clock = new HandClock();
    const store = new SqliteStore({ path: join(newFolder(), "jobs.db"), durability: "normal", clock, isThreaded });
    onTestFinished(() => store.close());
    await store.open();
    const scene = new Scene(store, clock);
    const outcomes = await Promise.allSettled([
      scene.add([1]),
      // SQLite cannot bind such a value.
      scene.claim({ leaseMs: {} as never }),
      scene.add([2], { task: "other" }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await scene.list()).toEqual([idOf(2), idOf(1)]);
    // What was counted before the commit failed is not counted twice.
    const { tasks } = await store.count();
    expect([...tasks.values()].map(({ pending }) => pending)).toEqual([1, 1]);
    expect(await store.enqueue([newJob(1)])).toEqual(["known"]);
  },
);
