import { type OpenStore, storeCases } from "rapidai/testing";
import { afterAll, beforeAll, describe, it } from "vitest";
import { connectTo } from "../../src/background/stores/redis/client.ts";
import { RedisStore } from "../../src/background/stores/redis/store.ts";
import { storeOptions } from "../redis/options.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { type RedisProcess, startRedis } from "../redis/server.ts";
import { checkStore } from "./model.ts";

let redis: RedisProcess | undefined;
beforeAll(async () => {
  if (!isWithoutRedis) redis = await startRedis();
});
afterAll(() => redis?.stop());

let queues = 0;
const openStore: OpenStore = ({ clock }) =>
  new RedisStore(storeOptions({ connect: connectTo((redis as RedisProcess).url), prefix: `test:${queues++}:`, clock }));

describe.skipIf(isWithoutRedis)("RedisStore", { concurrent: true }, () => {
  for (const { name, run } of storeCases) it(name, () => run(openStore));

  it("does what the naive store does", { timeout: 60_000 }, () => checkStore(openStore, { commands: 5_000 }));
  it("does what the naive store does, with many jobs", { timeout: 60_000 }, () =>
    checkStore(openStore, { commands: 400, jobs: 500 }),
  );
});
