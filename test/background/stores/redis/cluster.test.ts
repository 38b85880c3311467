import { background, RedisQueue, type RedisQueueOptions } from "rapidai/background";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { connectLike } from "../../../../src/background/stores/redis/users-client.ts";
import { type RedisCluster, startCluster } from "../../../redis/cluster.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import type { RedisProcess } from "../../../redis/server.ts";
import { tell } from "../../../redis/tell.ts";

/** How soon work must go on once the cluster is whole again. */
const RESUMED_MS = 5_000;
const PREFIX = "failover:";

describe.skipIf(isWithoutRedis)("a queue in a cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster(3);
  }, 30_000);
  afterAll(() => cluster?.stop());

  const open = (options: Partial<RedisQueueOptions> = {}) => {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) });
    const queue = new RedisQueue({ client: client as never, prefix: PREFIX, lease: "2s", ...options });
    // Errors while its node is away are of no interest here.
    queue.on("error", () => {});
    onTestFinished(() => queue.close({ grace: 0 }));
    return queue;
  };

  const openAt = (url: string) => {
    const queue = new RedisQueue({ url, prefix: PREFIX, worker: false });
    onTestFinished(() => queue.close({ grace: 0 }));
    return queue;
  };

  test("checks the settings of its own node only", async () => {
    const clients = await Promise.all(cluster.nodes.map(({ url }) => createClient({ url }).connect()));
    onTestFinished(() => {
      for (const client of clients) client.destroy();
    });
    const setPolicy = (at: number, policy: string) => clients[at]?.configSet("maxmemory-policy", policy);
    const slot = await clients[0]?.clusterKeySlot(baseOf(PREFIX));
    // Slots are assigned in the order of the nodes.
    const own = Math.floor((slot as number) / Math.ceil(16_384 / clients.length));
    for (const at of clients.keys()) if (at !== own) await setPolicy(at, "allkeys-lru");
    for (let queue = 0; queue < 5; queue++) await open({ worker: false }).ready({ timeout: "20s" });
    for (const { url } of cluster.nodes) await openAt(url).ready({ timeout: "20s" });
    expect((await open({ worker: false }).health()).details).toMatchObject({ evictionPolicy: "noeviction" });
    for (const at of clients.keys()) await setPolicy(at, at === own ? "allkeys-lru" : "noeviction");
    for (let queue = 0; queue < 5; queue++)
      await expect(open({ worker: false }).ready({ timeout: "20s" })).rejects.toMatchObject({ code: "unsafe_backend" });
    for (const { url } of cluster.nodes)
      await expect(openAt(url).ready({ timeout: "20s" })).rejects.toMatchObject({ code: "unsafe_backend" });
    await setPolicy(own, "noeviction");
  });

  test("leaves no connection behind that was still being made when it was closed", async () => {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) });
    const connection = await connectLike(client as never)(() => {});
    const asked = connection.send(PREFIX, ["GET", PREFIX]).catch((error) => error);
    // Until the event loop turns, a connection cannot be made.
    for (let turn = 0; turn < 100; turn++) await null;
    connection.destroy();
    expect(await asked).toBeInstanceOf(Error);
    for (const { url } of cluster.nodes) {
      const [clients] = await tell(url, ["CLIENT", "LIST", "TYPE", "normal"]);
      expect(String(clients).trim().split("\n")).toHaveLength(1);
    }
  });

  test("is found through the url of any node, even after its slot has moved to another node", {
    timeout: 30_000,
  }, async () => {
    const queues = cluster.nodes.map(({ url }) => {
      const queue = new RedisQueue({ url, prefix: "by-url:", lease: "2s" });
      onTestFinished(() => queue.close({ grace: 0 }));
      return queue;
    });
    const errors: unknown[] = [];
    for (const queue of queues) queue.on("error", (event) => errors.push(event));
    const ran = new Set<RedisQueue>();
    const tasks = queues.map((queue) =>
      background({ name: "shout", queue, concurrency: 1 }, async (text: string) => {
        ran.add(queue);
        return text.toUpperCase();
      }),
    );
    const all = () =>
      Promise.all(
        tasks.map(async (task, n) => (await task.wait(await task.enqueue(`${n}`), { timeout: "10s" })).result),
      );
    expect(await all()).toEqual(["0", "1", "2"]);
    expect(errors).toEqual([]);
    await cluster.moveSlotOf(baseOf("by-url:"));
    expect(await all()).toEqual(["0", "1", "2"]);
    await expect
      .poll(async () => {
        await all();
        return ran.size;
      })
      .toBe(queues.length);
  });

  test("goes on soon after a replica has replaced its failed node", { timeout: 60_000 }, async () => {
    const { primary, replica } = await cluster.replicated(baseOf(PREFIX));
    const queue = open({ durability: "replicated" });
    const shout = background({ name: "shout", queue }, async (text: string) => text.toUpperCase());
    const done = await shout.enqueue("before");
    expect(await shout.wait(done)).toMatchObject({ result: "BEFORE" });
    const waiting = await shout.enqueue("meanwhile", { delay: "1s" });
    const byUrl = openAt((cluster.nodes.find((node) => node !== primary) as RedisProcess).url);
    expect(await byUrl.getResult(done)).toMatchObject({ result: "BEFORE" });
    await primary.kill();
    // A call is always in flight.
    const asking = (async () => {
      while ((await queue.getResult(done).catch(() => null)) === null);
      return performance.now();
    })();
    const promoted = await createClient({ url: replica.url }).connect();
    onTestFinished(() => promoted.destroy());
    await expect.poll(() => promoted.info("replication"), { timeout: 20_000 }).toContain("role:master");
    const promotedAt = performance.now();
    expect((await asking) - promotedAt).toBeLessThan(RESUMED_MS);
    await expect
      .poll(() => byUrl.getResult(done).catch(() => null), { timeout: RESUMED_MS })
      .toMatchObject({ result: "BEFORE" });
    expect(await shout.wait(waiting, { timeout: "10s" })).toMatchObject({ result: "MEANWHILE" });
    // The new primary has no replica, whatever the other nodes have.
    await expect(shout.enqueue("alone")).rejects.toMatchObject({ code: "not_replicated" });
  });
});
