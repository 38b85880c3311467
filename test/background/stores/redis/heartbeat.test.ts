import { expect, test } from "vitest";
import type { Beat } from "../../../../src/background/core/store.ts";
import type { Connect } from "../../../../src/background/stores/redis/connection.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { idOf, TASK } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";

/** Sends a heartbeat whose first answer is lost, because the connection breaks. */
function heartbeat(presenceMs: number, beats: readonly Beat[]) {
  let sent = 0;
  const dial = async (onBroken: (error: unknown) => void) => ({
    send: async () => {
      if (sent++ > 0) return "h".repeat(beats.length);
      const error = new Error("the connection broke");
      onBroken(error);
      throw error;
    },
    sendAll: async () => [],
    subscribe: async () => {},
    unsubscribe: async () => {},
    keepAlive: () => {},
    destroy: () => {},
  });
  const connect: Connect = Object.assign(dial, { prepare: async () => {} });
  const store = new RedisStore(storeOptions({ connect, prefix: "heartbeat:", clock: null }));
  const worker = { id: "worker", tasks: [TASK], slots: 1, concurrency: {}, version: "1" };
  return store.heartbeat({ worker, presenceMs, leaseMs: 30_000, beats });
}

test("a worker's last heartbeat is sent again if its answer is lost, so that the worker does not seem alive", async () => {
  expect(await heartbeat(0, [])).toEqual([]);
});

test("no other heartbeat is sent again: the worker may have left meanwhile, and log lines would be appended twice", async () => {
  await expect(heartbeat(30_000, [])).rejects.toThrow("the connection broke");
  const patch = { progress: null, usage: null, logs: ["a line"] };
  await expect(heartbeat(0, [{ id: idOf(1), token: "a token", patch }])).rejects.toThrow("the connection broke");
});
