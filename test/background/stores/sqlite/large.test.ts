import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { MAX_CALL_BYTES } from "../../../../src/background/core/limits.ts";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { ALL_JOBS, idOf, Scene } from "../../../../src/testing/conformance/scene.ts";
import { ownFolder } from "../../../stores/folder.ts";

/** Two of them fit into one call. */
const LARGE = "x".repeat(0.4 * MAX_CALL_BYTES);
/** More than everything else in an answer takes. */
const REST = 20_000;

const folder = ownFolder();

/** The length of the longest text that is parsed during an action. */
async function heaviestOf(action: () => Promise<void>): Promise<number> {
  const parse = vi.spyOn(JSON, "parse");
  try {
    await action();
    return Math.max(...parse.mock.calls.map(([text]) => text.length));
  } finally {
    parse.mockRestore();
  }
}

test("jobs with large results are listed and looked up completely, and no call exceeds its limit", async () => {
  const clock = new HandClock();
  const store = new SqliteStore({ path: join(folder, "large.db"), durability: "normal", clock, isThreaded: false });
  await store.open();
  onTestFinished(() => store.close());
  const scene = new Scene(store, clock);
  await scene.add([1, 2, 3, 4, 5, 6, 7]);
  const token = scene.newToken();
  for (const { id } of (await scene.claim({ token })).jobs) await scene.settle({ id, token }, { result: LARGE });
  const ids = [7, 6, 5, 4, 3, 2, 1].map(idOf);
  expect(await heaviestOf(async () => void (await store.list({ ...ALL_JOBS, isBrief: true })))).toBeLessThan(REST);
  const heaviest = await heaviestOf(async () => {
    const listed = await store.list({ ...ALL_JOBS, limit: 6 });
    expect(listed.map(({ id, result }) => [id, result === LARGE])).toEqual(ids.slice(0, 6).map((id) => [id, true]));
    const asked = [...ids, "unknown", idOf(99), idOf(1)];
    for (const holdMs of [0, 1_000]) {
      const found = await store.get(asked, { isDetailed: false, holdMs });
      expect(found.map((record) => record?.id ?? null)).toEqual([...ids, null, null, idOf(1)]);
    }
  });
  expect(heaviest).toBeLessThan(MAX_CALL_BYTES + REST);
});
