import { describe, expect, onTestFinished, test } from "vitest";
import type { ClaimRequest } from "../../../../src/background/core/store.ts";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { newJob, OTHER_TASK, Scene, TASK } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { tell } from "../../../redis/tell.ts";

const redis = ownRedis();
let prefixes = 0;

/** Stores with a worker each that claimed and found nothing, and a further store to enqueue with. */
async function waiting(count: number, claim: Partial<ClaimRequest> = {}) {
  const prefix = `waking:${prefixes++}:`;
  const clock = new HandClock();
  const open = () => {
    const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix, clock }));
    onTestFinished(() => store.close());
    return new Scene(store, clock);
  };
  const workers: Scene[] = [];
  for (let n = 0; n < count; n++) {
    const worker = open();
    await worker.store.subscribe("ready", () => {});
    await worker.claim(claim);
    workers.push(worker);
    clock.move(1);
  }
  const base = baseOf(prefix);
  const namesIn = async (index: string) =>
    (await tell(redis.url, ["ZRANGE", `${base}${index}`, "0", "-1"]))[0] as string[];
  /** Which workers still wait for jobs of a lane: one that is woken does not until it claims. */
  const names = (lane = TASK) => namesIn(`i${lane}`);
  const still = async (lane = TASK) => (await names(lane)).length;
  expect(await still()).toBe(count);
  return { workers, producer: open(), clock, base, names, still, namesIn, open };
}

describe.skipIf(isWithoutRedis)("of the workers that wait for jobs in Redis", () => {
  test("one is woken by a new job, and two by several", async () => {
    const { producer, still } = await waiting(6);
    await producer.add([1]);
    expect(await still()).toBe(5);
    await producer.add([2, 3]);
    expect(await still()).toBe(3);
    await producer.add([4, 5, 6]);
    expect(await still()).toBe(1);
  });

  test("two are woken by jobs of the same lane that differ otherwise", async () => {
    const { producer, still } = await waiting(3);
    await producer.store.enqueue([1, 2].map((n) => newJob(n, { maxRetries: n })));
    expect(await still()).toBe(1);
  });

  test("two are woken by jobs that are handed back together, and by jobs that are retried by hand", async () => {
    const { producer, workers, still } = await waiting(5);
    await producer.add([1, 2]);
    const token = producer.newToken();
    const ids = await producer.take({ token });
    expect(await still()).toBe(3);
    await producer.store.settle(ids.map((id) => producer.settlement({ id, token }, { to: "pending" })));
    expect(await still()).toBe(1);
    for (const id of ids) await producer.cancel(id);
    for (const worker of workers) await worker.claim();
    await producer.store.retry(ids.map((id) => ({ id, task: null })));
    expect(await still()).toBe(3);
  });

  for (const [what, delayMs] of [
    ["due", 0],
    ["delayed and due now", 5],
  ] as const)
    test(`the next is woken by a claim that leaves jobs which are ${what}`, async () => {
      const { producer, clock, still } = await waiting(3);
      await producer.add([1, 2, 3], { delayMs });
      clock.move(delayMs);
      expect(await still()).toBe(1);
      await producer.take({ limit: 1 });
      expect(await still()).toBe(0);
    });

  test("the one that claimed last is woken first", async () => {
    const { producer, names } = await waiting(3);
    const [first, second] = await names();
    await producer.add([1]);
    expect(await names()).toEqual([first, second]);
  });

  test("no more than three that are dead are tried by a call", async () => {
    const { producer, clock, base, still } = await waiting(0);
    const dead = [1, 2, 3, 4, 5].flatMap((n) => [String(clock.now() + 1_000), `dead-${n}`]);
    await tell(redis.url, ["ZADD", `${base}i${TASK}`, ...dead]);
    await producer.add([1]);
    expect(await still()).toBe(2);
  });

  test("one that has not claimed yet is woken if no other waits for the lane, and only then", async () => {
    const { producer, namesIn, open } = await waiting(1);
    const before = await namesIn("I");
    await open().store.subscribe("ready", () => {});
    await producer.add([1]);
    expect(await namesIn("I")).toHaveLength(before.length + 1);
    await producer.add([2]);
    expect(await namesIn("I")).toEqual(before);
  });

  test("none is woken by a claim that leaves no job which is due", async () => {
    const { producer, still } = await waiting(3);
    await producer.add([1]);
    await producer.add([2], { delayMs: 5 });
    expect(await still()).toBe(1);
    await producer.take();
    expect(await still()).toBe(1);
  });

  test("those that have no slots left wait no longer, for any lane or for one", async () => {
    const lanes = [TASK, OTHER_TASK].map((lane) => ({ lane, limit: 1 }));
    const { producer, workers, still } = await waiting(2, { lanes });
    const [first, second] = workers as [Scene, Scene];
    await producer.add([1]);
    await first.claim({ lanes });
    await second.claim({ lanes });
    expect([await still(), await still(OTHER_TASK)]).toEqual([1, 2]);
    await first.claim({ lanes, limit: 0 });
    expect([await still(), await still(OTHER_TASK)]).toEqual([1, 1]);
  });
});
