import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, TASK } from "./scene.ts";

export const describeCases: readonly StoreCase[] = [
  storeCase("describe: facts are plain values, and a warning says what is so and what to do", async ({ store }) => {
    const { details, warnings } = await store.describe();
    for (const [name, value] of Object.entries(details)) {
      assert.match(name, /^[a-z][A-Za-z0-9]*$/);
      assert.ok(["string", "number", "boolean"].includes(typeof value), name);
      assert.ok(typeof value !== "number" || Number.isFinite(value), name);
    }
    for (const { code, message, remedy } of warnings) {
      assert.match(code, /^[a-z]+(_[a-z]+)*$/);
      assert.match(message, /\S.*\.$/s);
      assert.match(remedy, /\S.*\.$/s);
    }
  }),

  storeCase("describe: changes nothing", async (scene) => {
    await scene.start(3);
    await scene.add([1, 2]);
    const before = [await scene.list(), await scene.store.count()];
    await scene.store.describe();
    assert.deepEqual([await scene.list(), await scene.store.count()], before);
    assert.deepEqual(await scene.take(), [idOf(1), idOf(2)]);
    assert.ok((await scene.store.count()).tasks.has(TASK));
  }),
];
