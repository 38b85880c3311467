import { setTimeout as pause } from "node:timers/promises";
import { background, RedisQueue } from "rapidai/background";
import { type OpenStore, storeCases } from "rapidai/testing";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, it, onTestFinished } from "vitest";
import type { Connect } from "../../src/background/stores/redis/connection.ts";
import { baseOf } from "../../src/background/stores/redis/keys.ts";
import { RedisStore } from "../../src/background/stores/redis/store.ts";
import { connectLike } from "../../src/background/stores/redis/users-client.ts";
import { type RedisCluster, startCluster } from "../redis/cluster.ts";
import { storeOptions } from "../redis/options.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { checkStore } from "./model.ts";

let cluster: RedisCluster | undefined;
let client: ReturnType<typeof createCluster>;
let connect: Connect;
beforeAll(async () => {
  if (isWithoutRedis) return;
  cluster = await startCluster(3);
  client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) });
  connect = connectLike(client);
}, 30_000);
afterAll(() => cluster?.stop());

let queues = 0;
const openStore: OpenStore = ({ clock }) =>
  new RedisStore(storeOptions({ connect, prefix: `test:${queues++}:`, clock }));

describe.skipIf(isWithoutRedis)("RedisStore on a cluster of three", { concurrent: true }, () => {
  for (const { name, run } of storeCases) it(name, { timeout: 20_000 }, () => run(openStore));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 400, jobs: 100 }));

  it("waits while its slot moves from node to node, and loses nothing", { timeout: 60_000 }, async ({ expect }) => {
    const prefix = "moved:";
    const options = { client: client as never, prefix, retention: false } as const;
    const producer = new RedisQueue({ ...options, worker: false });
    const worker = new RedisQueue({ ...options, concurrency: 10 });
    for (const queue of [producer, worker]) {
      // Errors while the slot moves are of no interest here.
      queue.on("error", () => {});
      onTestFinished(() => queue.close({ grace: 0 }));
    }
    background({ name: "echo", queue: worker }, async (n: number) => {
      await pause(5);
      return n;
    });
    await worker.ready({ timeout: "20s" });
    const later = await producer.enqueueMany("echo", [...Array(500).keys()], { delay: "1s" });
    const accepted: string[] = [...later];
    let isMoving = true;
    const producing = (async () => {
      while (isMoving) accepted.push(await producer.enqueue("echo", accepted.length));
    })().catch((error) => expect(error).toMatchObject({ code: "queue_unavailable" }));
    for (let move = 0; move < 3; move++) {
      await pause(20);
      await cluster?.moveSlotOf(baseOf(prefix));
    }
    isMoving = false;
    await producing;
    expect(accepted.length).toBeGreaterThan(later.length);
    for (const id of accepted)
      expect(await producer.wait(id, { timeout: "30s" })).toMatchObject({ status: "completed" });
    expect((await producer.counts()).byStatus).toMatchObject({ completed: accepted.length });
  });
});
