import { expect, onTestFinished, test, vi } from "vitest";
import type { Connect, Connection } from "../../../../src/background/stores/redis/client.ts";
import { Signals } from "../../../../src/background/stores/redis/signals.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { storeOptions } from "../../../redis/options.ts";

/** Connections on which a test lets answers through. */
function connections() {
  const held: (() => void)[] = [];
  let open = 0;
  let made = 0;
  const connect: Connect = Object.assign(
    async () => {
      made++;
      open++;
      return {
        send: () => Promise.reject(new Error("NOPERM this user has no permissions to run it")),
        hold: () => {},
        subscribe: async () => {},
        unsubscribe: () => new Promise<void>((resolve) => held.push(resolve)),
        destroy: () => {
          open--;
        },
      } as unknown as Connection;
    },
    { prepare: async () => {} },
  );
  return { connect, held, counts: () => ({ open, made }) };
}

test("a connection that nobody wants any more is not made anew by the probe that was under way", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  for (const end of ["close", "unsubscribe"]) {
    const { connect, held, counts } = connections();
    const signals = new Signals(connect, "a server", "base:", "store");
    const unsubscribe = await signals.add("ready", () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(held).toHaveLength(1);
    // The answer is there, and before it is looked at the program is done.
    held[0]?.();
    if (end === "close") signals.close();
    else unsubscribe();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(counts()).toEqual({ open: 0, made: 1 });
  }
});

test("a subscription that is refused leaves nobody who listens, and no connection to listen on", async () => {
  const { connect, counts } = connections();
  const store = new RedisStore(storeOptions({ connect, prefix: "refused" }));
  for (let tries = 0; tries < 3; tries++)
    await expect(store.subscribe("ready", () => {})).rejects.toThrow(/does not allow/);
  // What is left is the one for calls.
  expect(counts().open).toBe(1);
  await store.close();
});
