import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { MAX_CALL_BYTES } from "../../../src/background/core/limits.ts";
import { connectTo } from "../../../src/background/stores/redis/client.ts";
import { RedisStore } from "../../../src/background/stores/redis/store.ts";
import { SqliteStore } from "../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../src/testing/conformance/hand-clock.ts";
import { idOf, LEASE_MS, Scene, TASK } from "../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../redis/options.ts";
import { ownRedis } from "../../redis/own-redis.ts";
import { isWithoutRedis } from "../../redis/program.ts";
import { ownFolder } from "../../stores/folder.ts";

/** Two of them fit into one call. */
const LARGE = "x".repeat(0.4 * MAX_CALL_BYTES);

const folder = ownFolder();
const redis = ownRedis();
let queues = 0;

const STORES = {
  SQLite: (clock: HandClock) =>
    new SqliteStore({ path: join(folder, `${queues++}.db`), durability: "normal", clock, isThreaded: false }),
  Redis: (clock: HandClock) =>
    new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix: `large:${queues++}:`, clock })),
} as const;

for (const [name, storeOf] of Object.entries(STORES))
  describe.skipIf(name === "Redis" && isWithoutRedis)(`jobs with large payloads in ${name}`, () => {
    async function open(): Promise<Scene> {
      const clock = new HandClock();
      const store = storeOf(clock);
      await store.open();
      onTestFinished(() => store.close());
      return new Scene(store, clock);
    }

    test("are claimed in order, no more at a time than fit into one call, and the others right after", async () => {
      const scene = await open();
      await scene.add([1, 2, 3, 4, 5], { payload: LARGE });
      await scene.add([6]);
      await scene.add([7], { payload: LARGE.repeat(4) });
      const claims: string[][] = [];
      for (let nextDueMs: number | null = 0; nextDueMs === 0; ) {
        const answer = await scene.claim({ limit: 10 });
        claims.push(answer.jobs.map(({ id }) => id));
        nextDueMs = answer.nextDueMs;
      }
      expect(claims).toEqual([[1, 2], [3, 4], [5, 6], [7]].map((ids) => ids.map(idOf)));
    });

    test("are claimed one at a time if each exceeds the limit of a call", async () => {
      const scene = await open();
      await scene.add([1, 2], { payload: LARGE.repeat(4) });
      expect(await scene.take({ limit: 10 })).toEqual([idOf(1)]);
      expect(await scene.take({ limit: 10 })).toEqual([idOf(2)]);
    });

    test("from several lanes take turns all the same", async () => {
      const scene = await open();
      await scene.add([1, 2, 3], { payload: LARGE });
      await scene.add([11, 12, 13], { payload: LARGE, task: "other", lane: "other" });
      const lanes = [TASK, "other"].map((lane) => ({ lane, limit: 10 }));
      const taken: (readonly string[])[] = [];
      for (let claim = 0; claim < 4; claim++) taken.push(await scene.take({ limit: 10, lanes }));
      expect(taken).toEqual([[1, 11], [2, 12], [3, 13], []].map((ids) => ids.map(idOf)));
    });

    test("are recovered a few at a time when they were lost, and new ones wait for that", async () => {
      const scene = await open();
      await scene.add([1, 2, 3], { payload: LARGE });
      for (let claim = 0; claim < 2; claim++) await scene.claim({ limit: 10 });
      await scene.add([4], { payload: LARGE });
      scene.clock.move(LEASE_MS);
      const first = await scene.claim({ limit: 10 });
      expect(first.jobs.map(({ id, isLost }) => [id, isLost])).toEqual([1, 2].map((n) => [idOf(n), true]));
      expect(first.nextDueMs).toBe(0);
      const second = await scene.claim({ limit: 10 });
      expect(second.jobs.map(({ id }) => id)).toEqual([3, 4].map(idOf));
    });
  });
