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
    `no job is lost, doubled or overwritten when processes are killed at any moment, ${ROUNDS} times`,
    {
      timeout: 30_000 + ROUNDS * 3_000,
    },
    () => surviveKills({ options: { url: redis.url, prefix: "workers:" }, leaseMs: LEASE_MS, rounds: ROUNDS }),
  );

  test(`workers go on by themselves when a server with an append-only file is killed, ${SERVER_ROUNDS} times`, {
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
