import { type OpenStore, storeCases } from "rapidai/testing";
import { describe, expect, it } from "vitest";
import type { TimeSource } from "../../src/background/core/clock.ts";
import type { SettleAnswer } from "../../src/background/core/store.ts";
import { COUNT } from "../../src/background/stores/redis/census.ts";
import { connectTo } from "../../src/background/stores/redis/client.ts";
import type { Connect, Connection } from "../../src/background/stores/redis/connection.ts";
import { ENQUEUE } from "../../src/background/stores/redis/enqueue.ts";
import { LIST } from "../../src/background/stores/redis/listing.ts";
import { GET } from "../../src/background/stores/redis/read.ts";
import { SETTLE } from "../../src/background/stores/redis/settle.ts";
import { RedisStore } from "../../src/background/stores/redis/store.ts";
import { HandClock } from "../../src/testing/conformance/hand-clock.ts";
import { Scene } from "../../src/testing/conformance/scene.ts";
import { indexFaults } from "../redis/indexes.ts";
import { storeOptions } from "../redis/options.ts";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { checkStore } from "./model.ts";
import { reopenedCases } from "./reopened.ts";
import { sharedCases } from "./shared.ts";
import { takingTurns } from "./taking-turns.ts";

const redis = ownRedis();

let queues = 0;
const openStore: OpenStore = ({ clock }) => storeOf(`test:${queues++}:`, clock);
const openSame = (): OpenStore => {
  const prefix = `test:${queues++}:`;
  return ({ clock }) => storeOf(prefix, clock);
};
/** Each call goes to one of two stores, as if two processes shared the queue. */
const openTwo: OpenStore = ({ clock }) => {
  const prefix = `test:${queues++}:`;
  return takingTurns(storeOf(prefix, clock), storeOf(prefix, clock));
};

/** Sends twice whatever is sent again if its reply gets lost: it must be answered as before, and change nothing more. */
const openRepeating: OpenStore = ({ clock }) => {
  const store = storeOf(`test:${queues++}:`, clock, repeating(connectTo(redis.url)));
  const settle = store.settle.bind(store);
  // Of one job only the attempt that ended last is recognized.
  store.settle = async (ends) => {
    const answers: SettleAnswer[] = [];
    const isDistinct = new Set(ends.map(({ id }) => id)).size === ends.length;
    for (const batch of isDistinct ? [ends] : ends.map((end) => [end])) answers.push(...(await settle(batch)));
    return answers;
  };
  return store;
};

function storeOf(prefix: string, clock: TimeSource, connect: Connect = connectTo(redis.url)): RedisStore {
  return new RedisStore(storeOptions({ connect, prefix, clock }));
}

function repeating(connect: Connect): Connect {
  const scripts = [ENQUEUE, SETTLE, GET, LIST, COUNT].flatMap(({ sha, text }) => [sha, text]);
  const repeat = async (onBroken: (error: unknown) => void) => {
    const connection = await connect(onBroken);
    const send: Connection["send"] = async (key, args) => {
      const reply = await connection.send(key, args);
      const [, script = ""] = args;
      if (!scripts.includes(script)) return reply;
      const isEnqueue = [ENQUEUE.sha, ENQUEUE.text].includes(script);
      // What it stored is known by then.
      expect(await connection.send(key, args)).toEqual(isEnqueue ? String(reply).replaceAll("s", "k") : reply);
      return reply;
    };
    return { ...connection, send };
  };
  return Object.assign(repeat, { prepare: connect.prepare });
}

describe.skipIf(isWithoutRedis)("RedisStore", { concurrent: true }, () => {
  for (const { name, run } of storeCases) it(name, () => run(openStore));
  for (const { name, run } of [...reopenedCases, ...sharedCases]) it(name, () => run(openSame()));

  it("says with a claim whether several workers share the queue", async () => {
    const clock = new HandClock();
    const store = await openStore({ clock });
    try {
      const scene = new Scene(store, clock);
      const answers: unknown[] = [];
      for (const id of ["worker-1", "worker-2"]) {
        const worker = { id, tasks: [], slots: 1, concurrency: {}, version: "1" };
        await store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1_000, beats: [] });
        answers.push((await scene.claim()).isShared);
      }
      expect(answers).toEqual([undefined, true]);
    } finally {
      await store.close();
    }
  });

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 5_000 }));
  it("does what the naive store does, with many jobs", { timeout: 60_000 }, () =>
    checkStore(openStore, { commands: 400, jobs: 500 }),
  );
  it(
    "does what the naive store does, when what is sent again after a lost reply arrives twice",
    { timeout: 60_000 },
    () => checkStore(openRepeating, { commands: 1_000 }),
  );
  it("does what the naive store does, when two share it", { timeout: 60_000 }, () =>
    checkStore(openTwo, { commands: 1_000 }),
  );
});

describe.skipIf(isWithoutRedis)("Redis after all of these tests", () => {
  it("every index has exactly the jobs whose records say so, and nothing is left of removed jobs", async () => {
    const { queues, faults } = await indexFaults(redis.url);
    expect(queues).toBeGreaterThan(storeCases.length);
    expect(faults).toEqual([]);
  });
});
