import assert from "node:assert/strict";
import { HandClock } from "../../src/testing/conformance/hand-clock.ts";
import { FAILURE, type Held, idOf, Scene } from "../../src/testing/conformance/scene.ts";
import type { StoreCase } from "../../src/testing/store-conformance.ts";

/** What a store promises beside another one of the same jobs: `openStore` opens the same jobs each time. */
export const sharedCases: readonly StoreCase[] = [
  {
    name: "shared: of two outcomes in one call the first counts, also next to an attempt that another store cancelled",
    async run(openStore) {
      const clock = new HandClock();
      const stores = [await openStore({ clock }), await openStore({ clock })] as const;
      try {
        for (const store of stores) await store.open();
        const [scene, other] = stores.map((store) => new Scene(store, clock)) as [Scene, Scene];
        await scene.add([1, 2]);
        const request = scene.request({ limit: 2 });
        await scene.store.claim(request);
        await other.cancel(idOf(2));
        const [one, two] = [1, 2].map((n) => ({ id: idOf(n), token: request.token })) as [Held, Held];
        const answers = await scene.store.settle([
          scene.settlement(one, { result: '"first"' }),
          scene.settlement(two),
          scene.settlement(one, { to: "failed", failure: FAILURE }),
        ]);
        assert.deepEqual(answers, ["settled", "cancelled", "lost"]);
        assert.equal((await scene.record(idOf(1))).result, '"first"');
      } finally {
        for (const store of stores) await store.close();
      }
    },
  },
];
