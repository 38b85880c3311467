// A connection that was idle for a while and silently died meanwhile: firewalls forget connections, functions are frozen.

import { describe, expect, onTestFinished, test, vi } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { TcpProxy } from "../../../redis/tcp-proxy.ts";

const redis = ownRedis();
let prefixes = 0;

async function behindProxy(): Promise<{ readonly scene: Scene; readonly proxy: TcpProxy }> {
  const proxy = await TcpProxy.before(redis.port);
  const store = new RedisStore(storeOptions({ connect: connectTo(proxy.url), prefix: `quiet:${prefixes++}:` }));
  onTestFinished(async () => {
    await store.close();
    await proxy.close();
  });
  await store.open();
  return { scene: new Scene(store, new HandClock()), proxy };
}

/** Lets time pass on the wall clock but not for timers, as for a frozen process. */
function freeze(ms: number): void {
  const then = Date.now() + ms;
  vi.spyOn(Date, "now").mockImplementation(() => then);
  onTestFinished(() => void vi.restoreAllMocks());
}

const CALLS: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  enqueue: async (scene) => expect(await scene.add([2])).toEqual(["stored"]),
  cancel: async (scene) => expect(await scene.cancel(idOf(1))).toBe(true),
  claim: async (scene) => expect(await scene.take()).toEqual([idOf(1)]),
  "get and list": async (scene) => {
    const [record, ids] = await Promise.all([scene.find(idOf(1)), scene.list()]);
    expect([record?.id, ids]).toEqual([idOf(1), [idOf(1)]]);
  },
};

describe.skipIf(isWithoutRedis)("a connection that was idle for long", () => {
  test.for(Object.entries(CALLS))("and is dead makes no call fail: %s", async ([, call]) => {
    const { scene, proxy } = await behindProxy();
    await scene.add([1]);
    proxy.cutOff();
    freeze(60_000);
    await call(scene);
    expect(proxy.connections).toBe(2);
  });

  test.for([60_000, -60_000])("and is alive stays in use, even if the clock was set by %i ms", async (ms) => {
    const { scene, proxy } = await behindProxy();
    await scene.add([1]);
    freeze(ms);
    await Promise.all(Object.values(CALLS).map((call) => call(scene).catch(() => {})));
    expect(proxy.connections).toBe(1);
  });

  test("is not probed if it was used a few seconds ago", async () => {
    const { scene, proxy } = await behindProxy();
    await scene.add([1]);
    proxy.cutOff();
    freeze(9_000);
    await expect(scene.add([2])).rejects.toMatchObject({ code: "queue_unavailable" });
    expect(proxy.connections).toBe(1);
  });

  test("and whose server is silent fails calls in time", async () => {
    const { scene, proxy } = await behindProxy();
    await scene.add([1]);
    proxy.set("silent");
    freeze(60_000);
    const startedAt = performance.now();
    await expect(scene.add([2])).rejects.toMatchObject({ code: "queue_unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(4_500);
  });
});
