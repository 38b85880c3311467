import { describe, expect, onTestFinished, test } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene, TASK } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { tell } from "../../../redis/tell.ts";
import { cancelMany } from "../cancel-many.ts";

const redis = ownRedis();
let prefixes = 0;

function place() {
  const prefix = `fast-paths:${prefixes++}:`;
  const clock = new HandClock();
  const another = () => {
    const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix, clock }));
    onTestFinished(() => store.close());
    return store;
  };
  return { scene: new Scene(another(), clock), another, clock, base: baseOf(prefix) };
}

/** How often each command was called since the statistics were reset, also by scripts. */
async function callsOf(): Promise<ReadonlyMap<string, number>> {
  const [info] = await tell(redis.url, ["INFO", "commandstats"]);
  const lines = String(info).matchAll(/^cmdstat_(\w+):calls=(\d+)/gm);
  return new Map(Array.from(lines, ([, name = "", calls]) => [name, Number(calls)]));
}

// No other test would notice that these are gone.
describe.skipIf(isWithoutRedis)("what makes calls of Redis fast", () => {
  test("jobs that come one after the other and are due are in one index, and all others in two", async () => {
    const { scene, base } = place();
    await scene.add([1, 2]);
    await scene.add([3]);
    await scene.add([4], { delayMs: 5 });
    const sizes = () => tell(redis.url, ...["l", "w", "q"].map((index) => ["ZCARD", `${base}${index}${TASK}`]));
    expect(await sizes()).toEqual([3, 1, 1]);
    await scene.settle(await scene.takeOne(), { to: "pending" });
    expect(await sizes()).toEqual([2, 2, 2]);
  });

  test("the leases of running jobs are not looked through until one of them may have ended, nor for an hour if there are none", async () => {
    const { scene, clock, base } = place();
    const inMs = async () => Number((await tell(redis.url, ["GET", `${base}e`]))[0]) - clock.now();
    await scene.claim();
    expect(await inMs()).toBe(3_600_000);
    const held = await scene.start(1, {}, { leaseMs: 2_000 });
    expect(await inMs()).toBe(2_000);
    await scene.start(2, {}, { leaseMs: 3_000 });
    expect(await inMs()).toBe(2_000);
    await scene.beat(held, null, 1_000);
    expect(await inMs()).toBe(1_000);
    await scene.settle(held);
    clock.move(999);
    await scene.claim();
    expect(await inMs()).toBe(1);
    clock.move(1);
    await scene.claim();
    expect(await inMs()).toBe(2_000);
  });

  test("leases are in a skip list even if they are few: each change of a packed list would scan it", async () => {
    const { scene, base } = place();
    const held = await scene.start(1);
    const encoding = () => tell(redis.url, ["OBJECT", "ENCODING", `${base}r1:${TASK}`]);
    expect(await encoding()).toEqual(["skiplist"]);
    await scene.settle(held);
    expect(await encoding()).toEqual(["skiplist"]);
  });

  test("of a job that has no more than a record, nothing else is looked up, and asking writes nothing", async () => {
    const { scene } = place();
    await scene.finish(1, "completed");
    await scene.finish(2, "failed");
    await scene.start(3);
    await tell(redis.url, ["CONFIG", "RESETSTAT"]);
    await scene.store.get([1, 2, 3].map(idOf), { isDetailed: true, holdMs: 0 });
    await scene.list();
    const calls = await callsOf();
    expect(calls.get("mget")).toBe(2);
    // Of the completed and the running job when they are asked for; a listing knows them apart.
    expect(calls.get("zrangebylex")).toBe(2);
    for (const name of ["get", "lrange", "hgetall", "set", "zadd"]) expect(calls.get(name)).toBe(undefined);
  });

  test.each([
    ["this store", true],
    ["another one", false],
  ])("attempts are still completed without their records after thousands that %s cancelled", async (_, isHere) => {
    const { scene, another } = place();
    const held = await scene.start(0);
    await cancelMany(scene, isHere ? scene.store : another());
    await tell(redis.url, ["CONFIG", "RESETSTAT"]);
    expect(await scene.settle(held)).toBe("settled");
    expect((await callsOf()).get("mget")).toBe(undefined);
  });

  test("jobs of a task that were enqueued together are pruned with one look at each hundred outcomes", async () => {
    const { scene } = place();
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    await scene.add(numbers);
    const token = scene.newToken();
    await scene.claim({ token });
    await scene.store.settle(numbers.map((n) => scene.settlement({ id: idOf(n), token })));
    await tell(redis.url, ["CONFIG", "RESETSTAT"]);
    expect(await scene.prune({ completed: { ageMs: null, count: 0 } })).toBe(200);
    expect((await callsOf()).get("zrangebylex")).toBe(2);
  });

  test("a prune that has reached its limit looks no further than at the next moment", async () => {
    const { scene, clock } = place();
    for (let moment = 0; moment < 5; moment++) {
      const numbers = Array.from({ length: 100 }, (_, n) => 100 * moment + n);
      await scene.add(numbers);
      const token = scene.newToken();
      await scene.claim({ token });
      await scene.store.settle(numbers.map((n) => scene.settlement({ id: idOf(n), token })));
      clock.move(1);
    }
    await tell(redis.url, ["CONFIG", "RESETSTAT"]);
    expect(await scene.prune({ completed: { ageMs: null, count: 0 }, limit: 10 })).toBe(10);
    expect((await callsOf()).get("lrange")).toBe(2);
  });
});
