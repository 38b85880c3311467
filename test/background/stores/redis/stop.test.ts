import { describe } from "vitest";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { testSleepers } from "../sleepers.ts";

describe.skipIf(isWithoutRedis)("on Redis", () => {
  const redis = ownRedis();

  testSleepers(
    () => ({ url: redis.url }),
    async (peer) => peer.signal("SIGSTOP"),
  );
});
