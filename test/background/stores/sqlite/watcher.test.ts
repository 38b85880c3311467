import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene } from "../../../../src/testing/conformance/scene.ts";
import { newFolder } from "../peers.ts";

test("a cancel by another process is signalled even if its commit had to wait and later ones came first", async () => {
  const path = join(newFolder(), "jobs.db");
  const [early, late] = [new HandClock(), new HandClock()];
  // As if the call had waited that long for the file to be free.
  late.move(2_000);
  const [caller, worker] = [early, late].map(
    (clock) => new SqliteStore({ path, durability: "normal", clock, isThreaded: false }),
  ) as [SqliteStore, SqliteStore];
  for (const store of [caller, worker]) {
    await store.open();
    onTestFinished(() => store.close());
  }
  const scene = new Scene(worker, late);
  await scene.start(1);
  const told: string[] = [];
  await worker.subscribe("cancelled", (signal) => {
    if (signal.kind === "cancelled") told.push(...signal.ids);
  });
  expect(await caller.cancel([{ id: idOf(1), task: null, by: null }])).toEqual([true]);
  await expect.poll(() => told).toContain(idOf(1));
});
