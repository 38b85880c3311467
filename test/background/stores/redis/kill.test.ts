import { describe, expect, test } from "vitest";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { rounds } from "../../../rounds.ts";
import { surviveKills } from "../kills.ts";

const LEASE_MS = 800;
const ROUNDS: number = rounds(4);
/** A quarter of the rounds: each takes as long as a server takes to start. */
const SERVER_ROUNDS: number = Math.max(3, Math.floor(rounds(12) / 4));

describe.skipIf(isWithoutRedis)("on Redis", () => {
  const redis = ownRedis({ appendonly: "yes", appendfsync: "always" });

  test(
    `of jobs whose processes are killed at any moment, ${ROUNDS} times, none is lost, doubled or overwritten`,
    {
      timeout: 30_000 + ROUNDS * 3_000,
    },
    () => surviveKills({ options: { url: redis.url, prefix: "workers:" }, leaseMs: LEASE_MS, rounds: ROUNDS }),
  );

  test(`a server that keeps a log of what it did may be killed, ${SERVER_ROUNDS} times, and the workers go on by themselves`, {
    timeout: 60_000 + SERVER_ROUNDS * 3_000,
  }, async () => {
    const before = redis.pid;
    const killStore = async () => {
      await redis.kill();
      await redis.restart();
    };
    const options = { url: redis.url, prefix: "server:" };
    await surviveKills({ options, leaseMs: LEASE_MS, rounds: SERVER_ROUNDS, killStore });
    expect(redis.pid).not.toBe(before);
  });
});
