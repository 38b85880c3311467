import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { enqueueOn } from "../../../../src/background/stores/sqlite/transaction.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, newJob, OTHER_TASK, Scene } from "../../../../src/testing/conformance/scene.ts";
import { newFolder } from "../peers.ts";

const HOUR_MS = 3_600_000;

const CALLS: [what: string, isThreaded: boolean, call: (scene: Scene, path: string) => unknown][] = [
  ["a heartbeat", true, (scene) => scene.beat({ id: idOf(0), token: "none" })],
  ["a heartbeat", false, (scene) => scene.beat({ id: idOf(0), token: "none" })],
  ["an enqueue", true, (scene) => scene.add([0], { task: OTHER_TASK })],
  [
    "an enqueue in a transaction",
    true,
    (scene, path) => {
      const db = new DatabaseSync(path);
      enqueueOn(db, path, newJob(0, { task: OTHER_TASK }), scene.clock.now());
      db.close();
    },
  ],
];

test.each(CALLS)(
  "if the clock was ahead for a moment that one process noticed by %s, the others go on from that time, thread: %s",
  async (_, isThreaded, call) => {
    const path = join(newFolder(), "jobs.db");
    const scenes = [new HandClock(), new HandClock()].map((clock) => {
      const store = new SqliteStore({ path, durability: "normal", clock, isThreaded });
      onTestFinished(() => store.close());
      return new Scene(store, clock);
    });
    const [ahead, other] = scenes as [Scene, Scene];
    for (const { store } of scenes) await store.open();
    ahead.clock.move(HOUR_MS);
    await call(ahead, path);
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

test("a process that only enqueues within transactions goes on from the latest time, too", async () => {
  const path = join(newFolder(), "jobs.db");
  const [ahead, behind] = [new HandClock(), new HandClock()];
  const [scene, other] = [ahead, behind].map((clock) => {
    const store = new SqliteStore({ path, durability: "normal", clock, isThreaded: false });
    onTestFinished(() => store.close());
    return new Scene(store, clock);
  }) as [Scene, Scene];
  for (const { store } of [scene, other]) await store.open();
  ahead.move(HOUR_MS);
  await scene.add([5]);
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  const enqueue = (n: number, delayMs = 0) => (other.store as SqliteStore).enqueueOn(db, newJob(n, { delayMs }));
  enqueue(6, 60_000);
  enqueue(7);
  const latest = ahead.now();
  expect(await scene.record(idOf(6))).toMatchObject({ createdAt: latest, runAt: latest + 60_000 });
  // Neither does its delay end early, nor does it overtake the job that was there before.
  expect(await scene.take()).toEqual([idOf(5), idOf(7)]);
  // Its time does not stand still until its clock has caught up.
  behind.move(1_000);
  enqueue(8);
  expect((await scene.record(idOf(8))).createdAt).toBe(latest + 900);
});
