import type { TimeSource } from "../../background/core/clock.ts";
import type { Store } from "../../background/core/store.ts";
import { HandClock } from "./hand-clock.ts";
import { Scene } from "./scene.ts";

/**
 * Creates a new, empty store that uses `clock`. The caller opens and closes it.
 *
 * @example
 * ```ts
 * const openStore: OpenStore = ({ clock }) => new MyStore({ clock, prefix: randomUUID() });
 * ```
 */
export type OpenStore = (options: { readonly clock: TimeSource }) => Store | Promise<Store>;

/**
 * A test of one promise that every store makes.
 *
 * @example
 * ```ts
 * for (const { name, run } of storeCases) test(name, () => run(openStore));
 * ```
 */
export interface StoreCase {
  /** The promise, as a sentence. */
  readonly name: string;
  /** Rejects if the store breaks the promise. */
  run(openStore: OpenStore): Promise<void>;
}

export function storeCase(name: string, play: (scene: Scene) => Promise<void>): StoreCase {
  return {
    name,
    async run(openStore) {
      const clock = new HandClock();
      const store = await openStore({ clock });
      try {
        await store.open();
        await play(new Scene(store, clock));
      } finally {
        await store.close();
      }
    },
  };
}
