import { describe, expect, onTestFinished, test } from "vitest";
import { MAX_CALL_BYTES } from "../../../../src/background/core/limits.ts";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import type { Connect } from "../../../../src/background/stores/redis/connection.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { ALL_JOBS, FAILURE, idOf, LEASE_MS, Scene } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";

/** Two of them fit into one call. */
const LARGE = "x".repeat(0.4 * MAX_CALL_BYTES);
const LARGE_FAILURE = { ...FAILURE, message: LARGE };
/** More than everything else in a reply takes. */
const REST = 20_000;

const redis = ownRedis();
let prefixes = 0;

/** A store whose replies are measured. */
async function weighed(): Promise<{ readonly scene: Scene; readonly heaviest: () => number }> {
  let heaviest = 0;
  const connect = connectTo(redis.url);
  const watched: Connect = Object.assign(
    async (onBroken: (error: unknown) => void) => {
      const connection = await connect(onBroken);
      const send: typeof connection.send = async (key, args) => {
        const reply = await connection.send(key, args);
        heaviest = Math.max(heaviest, JSON.stringify(reply).length);
        return reply;
      };
      return { ...connection, send };
    },
    { prepare: connect.prepare },
  );
  const clock = new HandClock();
  const store = new RedisStore(storeOptions({ connect: watched, prefix: `large:${prefixes++}:`, clock }));
  await store.open();
  onTestFinished(() => store.close());
  return { scene: new Scene(store, clock), heaviest: () => heaviest };
}

describe.skipIf(isWithoutRedis)("jobs with large payloads and results", () => {
  test("are claimed in order, no more at a time than fit into one call, and the others right after", async () => {
    const { scene, heaviest } = await weighed();
    await scene.add([1, 2, 3, 4, 5], { payload: LARGE });
    await scene.add([6]);
    const claims: string[][] = [];
    for (let nextDueMs: number | null = 0; nextDueMs === 0; ) {
      const answer = await scene.claim({ limit: 10 });
      claims.push(answer.jobs.map(({ id }) => id));
      nextDueMs = answer.nextDueMs;
    }
    expect(claims).toEqual(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ].map((ids) => ids.map(idOf)),
    );
    // The same holds when all of them were lost.
    scene.clock.move(LEASE_MS);
    expect((await scene.take({ limit: 10 })).length).toBe(2);
    expect(heaviest()).toBeLessThan(MAX_CALL_BYTES + REST);
  });

  test("that become due keep their order until they are claimed", async () => {
    const { scene } = await weighed();
    await scene.add([2, 4, 6], { payload: LARGE, delayMs: 1_000 });
    await scene.add([1, 3, 5], { payload: LARGE });
    await scene.add([8], { delayMs: 2_000 });
    scene.clock.move(1_000);
    await scene.add([7], { payload: LARGE });
    const taken: (readonly string[])[] = [];
    for (let claim = 0; claim < 5; claim++) taken.push(await scene.take({ limit: 10 }));
    expect(taken).toEqual([[1, 3], [5, 2], [4, 6], [7], []].map((ids) => ids.map(idOf)));
    expect((await scene.claim()).nextDueMs).toBe(1_000);
    scene.clock.move(1_000);
    expect(await scene.take()).toEqual([idOf(8)]);
  });

  test("are listed and looked up completely, in several calls", async () => {
    const { scene, heaviest } = await weighed();
    await scene.add([1, 2, 3, 4, 5, 6, 7]);
    const token = scene.newToken();
    for (const { id } of (await scene.claim({ token })).jobs) await scene.settle({ id, token }, { result: LARGE });
    const ids = [7, 6, 5, 4, 3, 2, 1].map(idOf);
    await scene.store.list({ ...ALL_JOBS, isBrief: true });
    expect(heaviest()).toBeLessThan(REST);
    const listed = await scene.store.list({ ...ALL_JOBS, limit: 6 });
    expect(listed.map(({ id, result }) => [id, result === LARGE])).toEqual(ids.slice(0, 6).map((id) => [id, true]));
    const asked = [...ids, "unknown", idOf(99), idOf(1)];
    const found = await scene.store.get(asked, { isDetailed: false, holdMs: 0 });
    expect(found.map((record) => record?.id ?? null)).toEqual([...ids, null, null, idOf(1)]);
    // A call ends with the job that exceeds its limit.
    expect(heaviest()).toBeLessThan(MAX_CALL_BYTES + LARGE.length + REST);
  });

  test("and with large errors are listed completely, in several calls", async () => {
    const { scene, heaviest } = await weighed();
    for (let n = 1; n <= 7; n++) await scene.settle(await scene.start(n), { to: "failed", failure: LARGE_FAILURE });
    const listed = await scene.store.list(ALL_JOBS);
    expect(listed.map(({ id, past }) => [id, past[0]?.message === LARGE])).toEqual(
      [7, 6, 5, 4, 3, 2, 1].map((n) => [idOf(n), true]),
    );
    expect(heaviest()).toBeLessThan(MAX_CALL_BYTES + LARGE.length + REST);
  });
});
