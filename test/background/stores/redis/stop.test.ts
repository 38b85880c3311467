import { afterAll, beforeAll, describe } from "vitest";
import { isWithoutRedis } from "../../../redis/program.ts";
import { type RedisProcess, startRedis } from "../../../redis/server.ts";
import { testSleepers } from "../sleepers.ts";

describe.skipIf(isWithoutRedis)("on Redis", () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  testSleepers(
    () => ({ url: redis.url }),
    async (peer) => peer.signal("SIGSTOP"),
  );
});
