// A server that stood still reads what was sent to it meanwhile once it goes on, also claims whose senders have given up.
import { describe, expect, onTestFinished, test } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import type { Connect, Connection } from "../../../../src/background/stores/redis/connection.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, LEASE_MS, Scene } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";

/** Where EVALSHA has the time, which is empty for the server's own. */
const TIME_AT = 5;

const redis = ownRedis();
let prefixes = 0;

/** A scene whose server reads what is sent to it `lateMs` later. */
function withLateServer(): { readonly scene: Scene; readonly late: (lateMs: number) => void } {
  let byMs = 0;
  const direct = connectTo(redis.url);
  const connect: Connect = Object.assign(
    async (onBroken: (error: unknown) => void) => {
      const connection = await direct(onBroken);
      const send: Connection["send"] = (key, args) =>
        connection.send(key, args[0]?.startsWith("EVAL") ? args.with(TIME_AT, String(Date.now() + byMs)) : args);
      return { ...connection, send };
    },
    { prepare: direct.prepare },
  );
  const store = new RedisStore(storeOptions({ connect, prefix: `late:${prefixes++}:` }));
  onTestFinished(() => store.close());
  const late = (lateMs: number) => {
    byMs = lateMs;
  };
  return { scene: new Scene(store, new HandClock()), late };
}

describe.skipIf(isWithoutRedis)("a claim", () => {
  test("that its sender has given up takes over no lost jobs: their workers may be alive", async () => {
    const { scene, late } = withLateServer();
    const held = await scene.start(1);
    await scene.add([2]);
    late(LEASE_MS);
    expect((await scene.claim()).jobs).toMatchObject([{ id: idOf(2), isLost: false }]);
    expect(await scene.beat(held)).toBe("held");
  });

  test("spares them only once if it is the server's clock that was set ahead", async () => {
    const { scene, late } = withLateServer();
    await scene.start(1);
    late(LEASE_MS);
    expect((await scene.claim()).jobs).toEqual([]);
    expect((await scene.claim()).jobs).toMatchObject([{ id: idOf(1), isLost: true }]);
  });

  test("that is late because the network is slow takes them over", async () => {
    const { scene, late } = withLateServer();
    await scene.start(1, {}, { leaseMs: 1_000 });
    late(2_000);
    expect((await scene.claim()).jobs).toMatchObject([{ id: idOf(1), isLost: true }]);
  });
});
