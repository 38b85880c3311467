import { describe } from "vitest";
import { connectTo } from "../../src/background/stores/redis/client.ts";
import type { RedisStore } from "../../src/background/stores/redis/store.ts";
import { storeOptions } from "../redis/options.ts";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { ownFolder } from "./folder.ts";
import { type Subject, testMutations, tried } from "./mutant.ts";
import { REDIS_MUTATIONS } from "./redis-mutations.ts";

const folder = ownFolder();
const redis = ownRedis();

let queues = 0;
const subject: Subject<{ readonly RedisStore: typeof RedisStore }> = {
  program: "stores/redis/store.ts",
  open: (copy) => {
    return ({ clock }) =>
      new copy.RedisStore(
        // The copy could not resolve the client's package.
        storeOptions({ connect: connectTo(redis.url), prefix: `mutant:${queues++}:`, clock }),
      );
  },
};

describe.skipIf(isWithoutRedis)("the Redis scripts", () => {
  testMutations("a broken guard fails a test", subject, tried(REDIS_MUTATIONS), { folder, timeout: 120_000 });
});
