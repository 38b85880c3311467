import { type OpenStore, storeCases } from "rapidai/testing";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Connect, connectLike } from "../../src/background/stores/redis/client.ts";
import { RedisStore } from "../../src/background/stores/redis/store.ts";
import { type RedisCluster, startCluster } from "../redis/cluster.ts";
import { storeOptions } from "../redis/options.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { checkStore } from "./model.ts";

let cluster: RedisCluster | undefined;
let connect: Connect;
beforeAll(async () => {
  if (isWithoutRedis) return;
  cluster = await startCluster(3);
  connect = connectLike(createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) }));
}, 30_000);
afterAll(() => cluster?.stop());

let queues = 0;
const openStore: OpenStore = ({ clock }) =>
  new RedisStore(storeOptions({ connect, prefix: `test:${queues++}:`, clock }));

describe.skipIf(isWithoutRedis)("RedisStore on a cluster of three", { concurrent: true }, () => {
  for (const { name, run } of storeCases) it(name, { timeout: 20_000 }, () => run(openStore));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 400, jobs: 100 }));
});
