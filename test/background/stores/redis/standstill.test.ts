import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Connect, Connection } from "../../../../src/background/stores/redis/connection.ts";
import { Signals } from "../../../../src/background/stores/redis/signals.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { storeOptions } from "../../../redis/options.ts";

/** Returns a function that moves time forward at once, as for a process that was frozen. */
function standingStill(): (ms: number) => void {
  let stoodMs = 0;
  const now = performance.now.bind(performance);
  const spy = vi.spyOn(performance, "now").mockImplementation(() => now() + stoodMs);
  onTestFinished(() => spy.mockRestore());
  return (ms) => {
    stoodMs += ms;
  };
}

/** Connects to a server that answers with `send`. */
function connectTo(send: Connection["send"], meanwhile = () => {}): Connect {
  const connect = async () => {
    meanwhile();
    return {
      send,
      sendAll: async () => [],
      subscribe: async () => {},
      unsubscribe: async () => {},
      keepAlive: () => {},
      destroy: () => {},
    };
  };
  return Object.assign(connect, { prepare: async () => {} });
}

test("a connection for signals that timed out while the process was frozen is tried once more", async () => {
  const standStill = standingStill();
  let tries = 0;
  const connect = connectTo(
    async () => null,
    () => {
      if (++tries > 1) return;
      standStill(2_500);
      throw new Error("Connection timeout");
    },
  );
  const signals = new Signals(connect, "here", "base:", "store");
  onTestFinished(() => signals.close());
  await signals.add("ready", () => {});
  expect(tries).toBe(2);
});

test("a store whose process was frozen while opening still has time to ask the server what it is", async () => {
  const standStill = standingStill();
  const connect = connectTo(async (_key, [command]) => {
    if (command === "GET") standStill(2_500);
    else await pause(30);
    return command === "INFO" ? "redis_version:7.4.0\r\nmaxmemory_policy:noeviction\r\nrole:master" : null;
  });
  const store = new RedisStore(storeOptions({ connect, prefix: "any:" }));
  onTestFinished(() => store.close());
  await store.open();
});
