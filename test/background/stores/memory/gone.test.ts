import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { IdIndex } from "../../../../src/background/stores/memory/id-index.ts";
import { Line } from "../../../../src/background/stores/memory/line.ts";
import { MemoryRecord } from "../../../../src/background/stores/memory/record.ts";
import { MemoryStore } from "../../../../src/background/stores/memory/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, newJob, patchOf, Scene } from "../../../../src/testing/conformance/scene.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const recordOf = (number: number) => new MemoryRecord(newJob(number, { id: idOf(number) }), number);

/** How many are still in memory. */
async function left(gone: readonly WeakRef<object>[]): Promise<number> {
  // A WeakRef that was read keeps its target until the turn ends.
  await new Promise((resolve) => setTimeout(resolve, 5));
  collectGarbage();
  return gone.filter((ref) => ref.deref() !== undefined).length;
}

describe("removed jobs", () => {
  test("are not kept in memory by an index because a few others of their time stay", async () => {
    const index = new IdIndex();
    const records = Array.from({ length: 5_120 }, (_, number) => recordOf(number));
    for (const record of records) index.add(record);
    const gone = records.filter((_, number) => number % 256 !== 0).map((record) => new WeakRef(record));
    for (const ref of gone) index.remove(ref.deref() as MemoryRecord);
    records.length = 0;
    expect(index.size).toBe(20);
    expect(await left(gone)).toBeLessThan(100);
    expect([...index.newest(null)].map(({ id }) => id)).toEqual(
      Array.from({ length: 20 }, (_, number) => idOf(4_864 - 256 * number)),
    );
  });

  test("are not kept in memory by a line from which none is taken", async () => {
    const line = new Line((record) => record.createdAt);
    const gone: WeakRef<MemoryRecord>[] = [];
    let before: MemoryRecord | undefined;
    for (let number = 0; number < 1_000; number++) {
      const record = recordOf(number);
      line.add(record);
      if (before !== undefined) {
        line.remove(before);
        gone.push(new WeakRef(before));
      }
      expect(line.first()).toBe(record);
      before = record;
    }
    expect(await left(gone)).toBeLessThan(100);
    expect(line.first()).toBe(before);
  });

  test("are not kept in memory by a line that keeps its last ones, whether taken or removed", async () => {
    const line = new Line((record) => record.createdAt);
    const records = Array.from({ length: 1_000 }, (_, number) => recordOf(number));
    for (const record of records) line.add(record);
    const gone = records.splice(0, 990).map((record) => new WeakRef(record));
    for (const [number, ref] of gone.entries()) {
      if (number % 4 === 3) line.remove(ref.deref() as MemoryRecord);
    }
    for (const ref of gone) {
      if (line.first() === ref.deref()) line.shift();
    }
    expect(line.live).toBe(10);
    expect(await left(gone)).toBeLessThan(10);
    expect(line.first()).toBe(records[0]);
  });
});

test("finished jobs are not kept in memory once their store is closed", async () => {
  const clock = new HandClock();
  const store = new MemoryStore({ clock });
  const scene = new Scene(store, clock);
  const usage = { inputTokens: 1, outputTokens: 1, cost: null };
  const gone: WeakRef<object>[] = [];
  for (let n = 0; n < 100; n++) {
    await scene.settle(await scene.start(n), { to: n % 2 ? "completed" : "failed", patch: patchOf({ usage }) });
    // The record's own copy, which its snapshots share.
    gone.push(new WeakRef((await scene.record(idOf(n))).usage as object));
  }
  await store.close();
  expect(await left(gone)).toBeLessThan(10);
  // Until here somebody has the store.
  expect(store.name).toBe("memory");
});
