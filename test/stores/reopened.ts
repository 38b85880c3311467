import assert from "node:assert/strict";
import { HandClock } from "../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene, TASK } from "../../src/testing/conformance/scene.ts";
import type { OpenStore, StoreCase } from "../../src/testing/store-conformance.ts";

const HOUR_MS = 3_600_000;
const WORKER = { id: "worker-1", tasks: [TASK], slots: 1, concurrency: {}, version: "0.1.0" };

/** What is done last, an hour after everything else, before a store is closed. */
const LAST: Readonly<
  Record<string, { before?(scene: Scene): Promise<unknown>; last(scene: Scene): Promise<unknown> }>
> = {
  "a job was enqueued": { before: (scene) => scene.add([1]), last: (scene) => scene.add([2]) },
  "a job was completed": settled("completed"),
  "a job failed": settled("failed"),
  "a job was cancelled": {
    before: (scene) => scene.add([1]),
    last: (scene) => scene.cancel(idOf(1)),
  },
  "a job was retried by hand": {
    before: (scene) => scene.finish(1, "failed"),
    last: (scene) => scene.retry(idOf(1)),
  },
  "a worker sent a heartbeat": {
    last: ({ store }) => store.heartbeat({ worker: WORKER, presenceMs: 1_000, leaseMs: 1_000, beats: [] }),
  },
  "a worker left": {
    last: ({ store }) => store.heartbeat({ worker: WORKER, presenceMs: 0, leaseMs: 1_000, beats: [] }),
  },
};

function settled(to: "completed" | "failed") {
  let held: { readonly id: string; readonly token: string };
  return {
    before: async (scene: Scene) => {
      await scene.finish(1, to);
      held = await scene.start(2);
    },
    last: (scene: Scene) => scene.settle(held, { to }),
  };
}

/** What a store promises when it is closed and opened again: `openStore` opens the same jobs each time. */
export const reopenedCases: readonly StoreCase[] = Object.entries(LAST).map(([what, { before, last }]) => ({
  name: `reopened: time goes on from when ${what}, even if the clock was set back meanwhile`,
  async run(openStore) {
    const clock = new HandClock();
    await during(openStore, clock, async (scene) => {
      await before?.(scene);
      clock.move(HOUR_MS);
      await last(scene);
    });
    const latest = clock.now();
    clock.move(-HOUR_MS);
    await during(openStore, clock, async ({ store }) => {
      assert.equal((await store.count()).at, latest);
      clock.move(1_000);
      assert.equal((await store.count()).at, latest + 900);
    });
  },
}));

async function during(openStore: OpenStore, clock: HandClock, run: (scene: Scene) => Promise<unknown>): Promise<void> {
  const store = await openStore({ clock });
  try {
    await store.open();
    await run(new Scene(store, clock));
  } finally {
    await store.close();
  }
}
