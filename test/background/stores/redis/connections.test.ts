import { background, RedisQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";
import { createClient } from "redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";

describe.skipIf(isWithoutRedis)("the connections of a queue", () => {
  const redis = ownRedis();

  /** How many connections are open now, and how many were ever made. */
  async function watched() {
    const client = createClient({ url: redis.url });
    await client.connect();
    onTestFinished(() => client.destroy());
    const now = async () => (await client.clientList()).filter(({ name }) => name === "rapidai").length;
    const ever = async () => Number(/total_connections_received:(\d+)/.exec(await client.info("stats"))?.[1]);
    return { now, ever };
  }

  it("are one for a producer, and a second one while it waits for a job and for ten seconds after", async () => {
    const { now } = await watched();
    const clock = new ManualClock();
    const queue = new RedisQueue({ url: redis.url, prefix: "enqueues:", worker: false, clock });
    onTestFinished(() => queue.close());
    const jobId = await queue.enqueue("any", {});
    expect(await now()).toBe(1);
    const waiting = queue.wait(jobId, { timeout: "1s" }).catch(({ code }) => code);
    await expect.poll(now).toBe(2);
    await clock.advance("1s");
    expect(await waiting).toBe("wait_timeout");
    await clock.advance("9s");
    expect(await now()).toBe(2);
    await clock.advance("1s");
    await expect.poll(now).toBe(1);
  });

  it("are two for a worker, and two for a producer that waits for one job after another", async () => {
    const { now, ever } = await watched();
    const worker = new RedisQueue({ url: redis.url, prefix: "waits:" });
    const queue = new RedisQueue({ url: redis.url, prefix: "waits:", worker: false });
    onTestFinished(async () => {
      await queue.close();
      await worker.close();
    });
    background({ queue: worker, name: "double" }, async (n: number) => 2 * n);
    await queue.wait(await queue.enqueue("double", 0));
    expect(await now()).toBe(4);
    const before = await ever();
    for (let n = 1; n <= 20; n++) expect((await queue.wait(await queue.enqueue("double", n))).result).toBe(2 * n);
    expect(await ever()).toBe(before);
  });
});
