import assert from "node:assert/strict";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, newJob, type Scene, TASK } from "./scene.ts";

/** Every call but `close`, by name. */
function calls(scene: Scene): readonly (readonly [name: string, call: () => Promise<unknown>])[] {
  const { store } = scene;
  const held = { id: idOf(1), token: "any" };
  return [
    ["open", () => store.open()],
    ["enqueue", () => store.enqueue([newJob(2)])],
    ["claim", () => store.claim(scene.request())],
    ["heartbeat", () => scene.beat(held)],
    ["settle", () => scene.settle(held)],
    ["cancel", () => scene.cancel(idOf(1))],
    ["retry", () => scene.retry(idOf(1))],
    ["get", () => scene.find(idOf(1))],
    ["list", () => scene.list()],
    ["count", () => store.count()],
    ["next", () => store.next([TASK])],
    ["prune", () => scene.prune()],
    ["describe", () => store.describe()],
    ["subscribe", () => store.subscribe("ready", () => {})],
  ];
}

export const closeCases: readonly StoreCase[] = [
  storeCase("close: every other call is refused afterwards, and says that the queue is closed", async (scene) => {
    await scene.add([1]);
    await scene.store.close();
    for (const [name, call] of calls(scene)) {
      await assert.rejects(call, { name: "JobError", code: "queue_closed" }, name);
    }
  }),

  storeCase("close: a call in progress is answered, or says that the queue is closed", async (scene) => {
    await scene.add([1]);
    const underWay = calls(scene).map(([name, call]) =>
      call().then(
        () => [name, "queue_closed"],
        (error: { readonly code?: unknown }) => [name, error.code],
      ),
    );
    await scene.store.close();
    for (const [name, code] of await Promise.all(underWay)) assert.equal(code, "queue_closed", `${name}`);
  }),

  storeCase("close: can be called more than once, also concurrently", async (scene) => {
    await Promise.all([scene.store.close(), scene.store.close()]);
    await scene.store.close();
  }),

  storeCase("close: a store that was never used can be closed", async (scene) => {
    await scene.store.close();
  }),

  storeCase("close: a subscription can be ended afterwards", async (scene) => {
    const unsubscribe = await scene.store.subscribe("ready", () => {});
    await scene.store.close();
    unsubscribe();
  }),

  storeCase("open: can be called more than once, and keeps what was stored", async (scene) => {
    await scene.add([1]);
    await Promise.all([scene.store.open(), scene.store.open()]);
    await scene.store.open();
    assert.deepEqual(await scene.take(), [idOf(1)]);
  }),

  storeCase("open: the store has a name", async ({ store }) => {
    assert.match(store.name, /\S/);
    assert.equal(typeof store.isDurable, "boolean");
  }),
];
