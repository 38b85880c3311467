import { describe, expect, onTestFinished, test, vi } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import type { Connect, Connection } from "../../../../src/background/stores/redis/connection.ts";
import { Signals } from "../../../../src/background/stores/redis/signals.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { tell } from "../../../redis/tell.ts";

/** Connections that take a given time to open, and whose answers to unsubscribe() the test releases. */
function connections(takesMs = 0) {
  const held: (() => void)[] = [];
  let open = 0;
  let made = 0;
  const connect: Connect = Object.assign(
    async () => {
      made++;
      if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
      open++;
      return {
        send: () => Promise.reject(new Error("NOPERM this user has no permissions to run it")),
        keepAlive: () => {},
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

test("a connection that is no longer wanted is not reopened by a probe in flight", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  for (const end of ["close", "unsubscribe"]) {
    const { connect, held, counts } = connections();
    const signals = new Signals(connect, "a server", "base:", "store");
    const unsubscribe = await signals.add("ready", () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(held).toHaveLength(1);
    // The answer has arrived, but the program is done before it is read.
    held[0]?.();
    if (end === "close") signals.close();
    else unsubscribe();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(counts()).toEqual({ open: 0, made: 1 });
  }
});

test("a subscription that is refused leaves no listener and no connection for signals behind", async () => {
  const { connect, counts } = connections();
  const store = new RedisStore(storeOptions({ connect, prefix: "refused" }));
  for (let tries = 0; tries < 3; tries++)
    await expect(store.subscribe("ready", () => {})).rejects.toThrow(/denies this user/);
  // The one that is left is for calls.
  expect(counts().open).toBe(1);
  await store.close();
});

test("a connection that opens when nobody waits for it any more is closed and not replaced", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  for (const end of ["time", "close"]) {
    const { connect, counts } = connections(5_000);
    const signals = new Signals(connect, "a server", "base:", "store");
    const refused = expect(signals.add("ready", () => {})).rejects.toMatchObject({ name: "JobError" });
    await vi.advanceTimersByTimeAsync(end === "time" ? 2_000 : 1_000);
    if (end === "close") signals.close();
    await vi.advanceTimersByTimeAsync(60_000);
    await refused;
    expect(counts()).toEqual({ open: 0, made: 1 });
  }
});

test("no connection is opened once they are closed, not even by a call that is about to try again", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { connect, counts } = connections();
  const failing = vi.fn(connect).mockRejectedValueOnce(new Error("connection refused"));
  const signals = new Signals(Object.assign(failing, { prepare: async () => {} }), "a server", "base:", "store");
  const refused = expect(signals.add("ready", () => {})).rejects.toMatchObject({ code: "queue_closed" });
  await vi.advanceTimersByTimeAsync(10);
  expect(failing).toHaveBeenCalledOnce();
  signals.close();
  await vi.advanceTimersByTimeAsync(60_000);
  await refused;
  expect(counts()).toEqual({ open: 0, made: 0 });
});

test("a connection that takes long to open serves later requests for it, and is opened once", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { connect, counts } = connections(5_000);
  const signals = new Signals(connect, "a server", "base:", "store");
  const refused = expect(signals.add("ready", () => {})).rejects.toMatchObject({ code: "queue_unavailable" });
  await vi.advanceTimersByTimeAsync(4_000);
  await refused;
  const listening = signals.add("ready", () => {});
  await vi.advanceTimersByTimeAsync(1_000);
  await listening;
  await vi.advanceTimersByTimeAsync(500);
  expect(counts()).toEqual({ open: 1, made: 1 });
  expect(signals.isAwaitingJobs).toBe(true);
  signals.close();
  await vi.advanceTimersByTimeAsync(0);
  expect(counts()).toEqual({ open: 0, made: 1 });
});

test("a listener hears signals again after the connection broke, and of the gap, even if a new listener is what reopens it", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  let breakIt = (_error: unknown) => {};
  let tell = new Map<string, (message: string) => void>();
  const connect: Connect = Object.assign(
    async (onBroken: (error: unknown) => void) => {
      const channels = new Map<string, (message: string) => void>();
      breakIt = onBroken;
      tell = channels;
      return {
        subscribe: async (channel: string, listener: (message: string) => void) => void channels.set(channel, listener),
        unsubscribe: async (channel: string) => void channels.delete(channel),
        destroy: () => {},
      } as unknown as Connection;
    },
    { prepare: async () => {} },
  );
  const signals = new Signals(connect, "a server", "base:", "store");
  onTestFinished(() => signals.close());
  const heard = vi.fn();
  await signals.add("ready", heard);
  const cancels = vi.fn();
  await signals.add("cancelled", cancels);
  expect(cancels).not.toHaveBeenCalled();
  breakIt(new Error("the connection broke"));
  await signals.add("finished", () => {});
  await vi.advanceTimersByTimeAsync(10_000);
  tell.get("base:!store")?.("lane");
  expect(heard).toHaveBeenCalledExactlyOnceWith({ kind: "ready", lanes: ["lane"] });
  expect(cancels).toHaveBeenCalledExactlyOnceWith({ kind: "cancelled", ids: [], isAfterGap: true });
});

describe.skipIf(isWithoutRedis)("on a server", () => {
  const redis = ownRedis();

  test("a listener hears signals even if it comes while the channel is being left", async () => {
    const signals = new Signals(connectTo(redis.url), "the test's", "base:", "store");
    onTestFinished(() => signals.close());
    // Keeps the connection.
    await signals.add("finished", () => {});
    const unsubscribe = await signals.add("ready", () => {});
    unsubscribe();
    // By then UNSUBSCRIBE has been sent, and has not been answered.
    await null;
    const heard = vi.fn();
    await signals.add("ready", heard);
    await tell(redis.url, ["PUBLISH", "base:!store", "lane"]);
    await expect.poll(() => heard.mock.calls).toEqual([[{ kind: "ready", lanes: ["lane"] }]]);
  });
});
