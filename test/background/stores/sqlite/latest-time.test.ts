import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene } from "../../../../src/testing/conformance/scene.ts";
import { newFolder } from "../peers.ts";

const HOUR_MS = 3_600_000;

test.each([true, false])(
  "if the clock was ahead for a moment that only one process noticed, the other goes on from its time too, thread: %s",
  async (isThreaded) => {
    const path = join(newFolder(), "jobs.db");
    const scenes = [new HandClock(), new HandClock()].map((clock) => {
      const store = new SqliteStore({ path, durability: "normal", clock, isThreaded });
      onTestFinished(() => store.close());
      return new Scene(store, clock);
    });
    const [ahead, other] = scenes as [Scene, Scene];
    for (const { store } of scenes) await store.open();
    ahead.clock.move(HOUR_MS);
    // Sends a heartbeat, as each worker does every few seconds.
    await ahead.beat({ id: idOf(0), token: "none" });
    ahead.clock.move(-HOUR_MS);

    // Its jobs are not lost at once, and its delays are not over.
    const held = await other.start(1);
    await other.add([2], { delayMs: 60_000 });
    expect(await ahead.take()).toEqual([]);
    expect(await other.settle(held)).toBe("settled");
    expect((await ahead.record(idOf(2))).runAt).toBe(other.clock.now() + HOUR_MS + 60_000);
    expect((await other.store.describe()).details.timeAheadMs).toBe(HOUR_MS);
  },
);
