import { background, type JobQueue, newJobId, RedisQueue, type RedisQueueOptions } from "rapidai/background";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { inWords } from "../../../../src/background/core/duration.ts";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import type { Connect } from "../../../../src/background/stores/redis/connection.ts";
import { reportOf, type ServerFacts } from "../../../../src/background/stores/redis/describe.ts";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { checkServer, serverOf } from "../../../../src/background/stores/redis/server.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { Scene } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { untilReplicaConfirms } from "../../../redis/replicas.ts";
import { type RedisProcess, startRedis } from "../../../redis/server.ts";
import { tell } from "../../../redis/tell.ts";

const servers: RedisProcess[] = [];
const queues: JobQueue[] = [];

afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.close({ grace: 0 })));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function server(settings: Readonly<Record<string, string>> = {}): Promise<RedisProcess> {
  const started = await startRedis(settings);
  servers.push(started);
  return started;
}

async function replicaOf(primary: RedisProcess): Promise<RedisProcess> {
  const replica = await server({ replicaof: `127.0.0.1 ${primary.port}` });
  const isUp = () => tell(replica.url, ["INFO", "replication"]).then(String);
  await expect.poll(isUp).toContain("master_link_status:up");
  return replica;
}

function open(options: RedisQueueOptions): RedisQueue {
  const queue = new RedisQueue({ lease: "2s", ...options });
  queue.on("error", () => {});
  queues.push(queue);
  return queue;
}

const codesOf = async (queue: JobQueue) => (await queue.health()).warnings.map(({ code }) => code);
const withoutWorkers = (codes: readonly string[]) => codes.filter((code) => code !== "no_worker");

describe.skipIf(isWithoutRedis)("health() of a Redis queue", () => {
  test("reports version, role, eviction policy, persistence and replicas, and warns of settings that may lose jobs", async () => {
    const { url } = await server();
    const queue = open({ url, worker: false, prefix: "told:" });
    const { isHealthy, details, warnings } = await queue.health();
    expect(isHealthy).toBe(true);
    expect(details).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+/),
      url,
      prefix: "told:",
      role: "primary",
      replicas: 0,
      durability: "primary",
      evictionPolicy: "noeviction",
      appendOnly: false,
      appendFsync: "none",
      maxMemoryBytes: 0,
    });
    expect(details.usedMemoryBytes).toBeGreaterThan(100_000);
    expect(Math.abs(details.clockDifferenceMs as number)).toBeLessThan(1_000);
    expect(warnings).toContainEqual(expect.objectContaining({ code: "appendonly_off", remedy: "Set appendonly yes." }));
    await tell(url, ["CONFIG", "SET", "appendonly", "yes"]);
    expect(withoutWorkers(await codesOf(queue))).toEqual([]);
    expect((await queue.health()).details).toMatchObject({ appendOnly: true, appendFsync: "everysec" });
    await tell(url, ["CONFIG", "SET", "appendfsync", "no"]);
    expect(withoutWorkers(await codesOf(queue))).toEqual(["appendfsync_no"]);
    const { usedMemoryBytes } = (await queue.health()).details;
    const maxmemory = String(Math.round((usedMemoryBytes as number) * 1.05));
    await tell(url, ["CONFIG", "SET", "appendfsync", "always", "maxmemory", maxmemory]);
    expect(withoutWorkers(await codesOf(queue))).toEqual(["memory_nearly_full"]);
  });

  test("is bad without a worker, too, while a key that only workers use is of another type, and names it", async () => {
    const { url } = await server();
    const prefix = "foreign:";
    const echo = background({ name: "echo", queue: open({ url, prefix }) }, (text: string) => text);
    await echo.wait(await echo.enqueue("a"));
    await echo.queue.close();
    const queue = open({ url, prefix, worker: false });
    for (const key of ["wecho", "C", "F", "H", "I"].map((name) => baseOf(prefix) + name)) {
      await tell(url, ["SET", key, "foreign"]);
      const error = expect.stringContaining(` ${key} (a string): remove them`);
      expect(await queue.health()).toMatchObject({ isHealthy: false, error });
      await tell(url, ["DEL", key]);
      expect(await queue.health()).toMatchObject({ isHealthy: true, error: null });
    }
  });

  test("warns when the server's clock was set back, which does not hold up delayed jobs", async () => {
    const { url } = await server();
    const queue = open({ url, prefix: "ahead:" });
    const task = background({ name: "echo", queue }, async (text: string) => text);
    await task.wait(await task.enqueue("now"));
    expect((await queue.health()).details).toMatchObject({ timeAheadMs: 0 });
    // As if the clock had been an hour ahead.
    await tell(url, ["SET", `${baseOf("ahead:")}n`, String(Date.now() + 3_600_000)]);
    const id = await task.enqueue("later", { delay: 500 });
    expect(await task.wait(id, { timeout: "5s" })).toMatchObject({ result: "later" });
    const { details, warnings } = await queue.health();
    expect(details.timeAheadMs).toBeGreaterThan(3_590_000);
    // The clock catches up meanwhile, by a second in ten.
    const message = expect.stringContaining(` ${inWords(Number(details.timeAheadMs))} ahead`);
    expect(warnings).toContainEqual(expect.objectContaining({ code: "time_ahead", message }));
  });

  test("says what it can for a user who may not read settings", async () => {
    const { url, port } = await server({ appendonly: "yes" });
    await tell(url, ["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-config"]);
    const queue = open({ url: `redis://app:pw@127.0.0.1:${port}`, worker: false });
    const { details } = await queue.health();
    expect(details).toMatchObject({ appendOnly: true, appendFsync: "unknown", url: `redis://…@127.0.0.1:${port}` });
  });

  test("says why a server is refused, and which settings it has", async () => {
    const { url } = await server({ maxmemory: "100mb", "maxmemory-policy": "allkeys-lru" });
    const health = await open({ url, worker: false }).health();
    expect(health).toMatchObject({ isHealthy: false, details: { evictionPolicy: "allkeys-lru" } });
    expect(health.error).toContain("set maxmemory-policy noeviction");
    expect(await codesOf(open({ url, worker: false, allowEviction: true }))).toContain("eviction");
  });

  test("says when the server is a replica, which ready() refuses", async () => {
    const primary = await server({ "repl-diskless-sync-delay": "0" });
    const replica = await replicaOf(primary);
    expect(await open({ url: primary.url, worker: false }).health()).toMatchObject({ details: { replicas: 1 } });
    const queue = open({ url: replica.url, worker: false });
    await expect(queue.ready({ timeout: "10s" })).rejects.toMatchObject({
      code: "queue_unavailable",
      message: expect.stringContaining("is a replica and accepts no writes: connect to the primary"),
    });
    const health = await queue.health();
    expect(health).toMatchObject({ isHealthy: false, details: { role: "replica" } });
    expect(health.warnings).toContainEqual(expect.objectContaining({ code: "replica" }));
  });

  test("warns when the replicas that must have every job are missing", async () => {
    const primary = await server({ "repl-diskless-sync-delay": "0" });
    const queue = open({ url: primary.url, worker: false, durability: "replicated" });
    expect(await codesOf(queue)).toContain("replicas_missing");
    await replicaOf(primary);
    expect(await queue.health()).toMatchObject({ details: { durability: "replicated", replicas: 1 } });
    expect(await codesOf(queue)).not.toContain("replicas_missing");
  });
});

describe.skipIf(isWithoutRedis)("durability: replicated", () => {
  test("does not trust a new connection about what replicas have", async () => {
    const primary = await server({ "repl-diskless-sync-delay": "0" });
    const replica = await replicaOf(primary);
    await untilReplicaConfirms(primary);
    const queue = open({ url: primary.url, worker: false, durability: "replicated" });
    await queue.enqueue("noted", 1);
    // The replica is stopped, and the connections break while its confirmation is awaited.
    process.kill(replica.pid, "SIGSTOP");
    try {
      const refused = expect(queue.enqueue("noted", 2)).rejects.toMatchObject({ code: "not_replicated" });
      await new Promise((resolve) => setTimeout(resolve, 200));
      await tell(primary.url, ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
      await refused;
    } finally {
      process.kill(replica.pid, "SIGCONT");
    }
    await queue.enqueue("noted", 3);
  });

  test("does not trust the replicas of a new primary about what the old one, still alive, has stored", async () => {
    const [old, promoted] = await Promise.all([server(), server({ "repl-diskless-sync-delay": "0" })]);
    await replicaOf(promoted);
    await untilReplicaConfirms(promoted);
    let { url } = old;
    const connect: Connect = Object.assign((onBroken: (error: unknown) => void) => connectTo(url)(onBroken), {
      prepare: async () => {},
    });
    const store = new RedisStore(storeOptions({ connect, prefix: "failover:", replicas: 1 }));
    onTestFinished(() => store.close());
    const scene = new Scene(store, new HandClock());
    // Connects to the old primary. The connection that asks for replicas is made with the first job, after the failover.
    await store.open();
    ({ url } = promoted);
    await expect(scene.add([1])).rejects.toMatchObject({
      code: "not_replicated",
      message: expect.stringContaining("another server"),
    });
    // From now on, both connections lead to the new one.
    expect(await scene.add([1])).toEqual(["stored"]);
  });

  test("holds for cancel and retry, too: they take effect, but reject if no replica confirms", async () => {
    const { url } = await server();
    const queue = open({ url, worker: false, durability: "replicated" });
    const id = newJobId();
    const refusal = { code: "not_replicated" };
    await expect(queue.enqueue("noted", 1, { id })).rejects.toMatchObject(refusal);
    await expect(queue.cancel(id)).rejects.toMatchObject(refusal);
    expect((await queue.getResult(id))?.status).toBe("cancelled");
    await expect(queue.retry(id)).rejects.toMatchObject(refusal);
    expect((await queue.getResult(id))?.status).toBe("pending");
  });

  test("does not hold up other calls while replicas are awaited in vain", async () => {
    const { url } = await server();
    const queue = open({ url, durability: "replicated" });
    const echo = background({ name: "echo", queue }, async (text: string) => text);
    const refusals = Array.from({ length: 30 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, 50 * n));
      await expect(echo.enqueue(String(n))).rejects.toMatchObject({ code: "not_replicated" });
    });
    const tookMs: number[] = [];
    for (let n = 0; n < 20; n++) {
      const askedAt = performance.now();
      await queue.counts();
      tookMs.push(performance.now() - askedAt);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // Behind WAIT, four would take a second. On a busy machine one may.
    expect(tookMs.filter((ms) => ms > 800).length).toBeLessThan(3);
    await Promise.all(refusals);
    // They were stored all the same, and have run.
    await expect.poll(async () => (await queue.counts()).byStatus.completed).toBe(30);
  });
});

describe("the checks of a Redis server", () => {
  const facts = (info: Readonly<Record<string, string | number>>, more: Partial<ServerFacts> = {}): ServerFacts => {
    const well = { redis_version: "7.2.4", role: "master", maxmemory_policy: "noeviction", aof_enabled: 1 };
    const lines = Object.entries({ ...well, ...info }).map(([name, value]) => `${name}:${value}`);
    const server = serverOf(lines.join("\r\n"));
    return {
      server,
      appendFsync: "everysec",
      clockDifferenceMs: 0,
      timeAheadMs: 0,
      where: "",
      prefix: "",
      wantedReplicas: 0,
      foreignKeys: [],
      ...more,
    };
  };
  const codes = (...given: Parameters<typeof facts>) => reportOf(facts(...given)).warnings.map(({ code }) => code);

  test("warn of nothing if the server is in good order, and of each fault with a code of its own", () => {
    expect(codes({})).toEqual([]);
    expect(codes({ aof_last_write_status: "err" })).toEqual(["appendonly_failing"]);
    expect(codes({ rdb_last_bgsave_status: "err" })).toEqual(["snapshot_failing"]);
    expect(codes({}, { clockDifferenceMs: -60_000 })).toEqual(["clock_difference"]);
    expect(codes({}, { timeAheadMs: 60_000 })).toEqual(["time_ahead"]);
    expect(codes({ used_memory: 95, maxmemory: 100 })).toEqual(["memory_nearly_full"]);
  });

  test("say whether a memory that is nearly full still takes jobs", () => {
    const said = (used_memory: number) => reportOf(facts({ used_memory, maxmemory: 100 })).warnings[0]?.message;
    expect(said(99)).toBe("Redis uses 99 % of its maxmemory; once that is full, no jobs are accepted.");
    expect(said(101)).toBe("Redis uses 101 % of its maxmemory, and accepts no new jobs.");
  });

  test.each([
    ["allkeys-lru", "including jobs"],
    ["volatile-ttl", "though no jobs"],
  ])("say of %s what Redis may evict: %s", (maxmemory_policy, what) => {
    expect(reportOf(facts({ maxmemory_policy })).warnings).toMatchObject([
      { code: "eviction", message: expect.stringContaining(what) },
    ]);
  });

  test("refuse a server older than 6.2, and say why", () => {
    const check = (lines: string) => () => checkServer(serverOf(lines), "a server", false);
    for (const version of ["6.2.0", "6.10.1", "7.0.15", "10.0.0"])
      expect(check(`redis_version:${version}`)).not.toThrow();
    for (const version of ["6.0.16", "5.0.7", "2.8.0"])
      expect(check(`redis_version:${version}`)).toThrow(
        expect.objectContaining({ code: "queue_unavailable", message: expect.stringContaining("use 6.2 or newer") }),
      );
    // Some servers do not report a version.
    expect(check("")).not.toThrow();
  });

  test("report Valkey by its own name and version", () => {
    const { details } = reportOf(facts({ redis_version: "7.2.4", valkey_version: "8.0.1" }));
    expect(details).toMatchObject({ server: "valkey", version: "8.0.1" });
  });
});
