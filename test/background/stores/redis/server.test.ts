import { background, getQueue, type JobQueue, RedisQueue, type RedisQueueOptions } from "rapidai/background";
import { createClient } from "redis";
import { test as base, describe, expect, onTestFinished } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene as StoreScene, TASK } from "../../../../src/testing/conformance/scene.ts";
import { cli } from "../../../cli/command-line.ts";
import { isSortedAsPeopleDo } from "../../../redis/locale.ts";
import { inOldWords } from "../../../redis/old-words.ts";
import { storeOptions } from "../../../redis/options.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { untilReplicaConfirms } from "../../../redis/replicas.ts";
import { type RedisProcess, startRedis } from "../../../redis/server.ts";
import { tell } from "../../../redis/tell.ts";

interface Scene {
  server(settings?: Readonly<Record<string, string>>): Promise<RedisProcess>;
  /** The url of a server that words the errors of scripts in one of two ways. */
  inWords(words: Words, redis: RedisProcess): Promise<string>;
  open(options: RedisQueueOptions): RedisQueue;
}

const WORDS = ["", ", and speaks as Redis 6.2 does,"] as const;
type Words = (typeof WORDS)[number];

/** Servers and queues that end with their test. */
const test = base.extend<{ scene: Scene }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from it which other fixtures this one needs.
  scene: async ({}, use) => {
    const servers: RedisProcess[] = [];
    const queues: JobQueue[] = [];
    const fronts: Awaited<ReturnType<typeof inOldWords>>[] = [];
    await use({
      server: async (settings = {}) => {
        const started = await startRedis(settings);
        servers.push(started);
        return started;
      },
      inWords: async (words, redis) => {
        if (words === "") return redis.url;
        const front = await inOldWords(redis.port);
        fronts.push(front);
        return front.url;
      },
      open: (options) => {
        const queue = new RedisQueue({ lease: "2s", ...options });
        // Errors while the server is away are of no interest here.
        queue.on("error", () => {});
        queues.push(queue);
        return queue;
      },
    });
    await Promise.all(queues.map((queue) => queue.close({ grace: 0 })));
    await Promise.all(fronts.map((front) => front.close()));
    await Promise.all(servers.map((server) => server.stop()));
  },
});

const echo = (queue: JobQueue) => background({ name: "echo", queue }, async (text: string) => text);

describe.skipIf(isWithoutRedis)("a Redis server", () => {
  // These and the next mostly wait, so they run concurrently.
  for (const words of WORDS)
    test.concurrent(`that is a replica${words} refuses writes until it is promoted, and then work goes on`, {
      timeout: 30_000,
    }, async ({ scene: { server, inWords, open }, expect }) => {
      const primary = await server({ "repl-diskless-sync-delay": "0" });
      const task = echo(open({ url: primary.url }));
      const before = await task.enqueue("before");
      await task.wait(before);
      const waiting = await task.enqueue("waiting", { delay: "2s" });
      const replica = await server({ replicaof: `127.0.0.1 ${primary.port}` });
      const atReplica = open({ url: await inWords(words, replica) });
      const there = echo(atReplica);
      await expect
        .poll(() => tell(replica.url, ["INFO", "replication"]).then(String))
        .toContain("master_link_status:up");
      await expect(there.enqueue("refused")).rejects.toMatchObject({
        code: "queue_unavailable",
        message: expect.stringContaining("is a replica"),
      });
      // The primary is gone for good.
      await primary.kill();
      await tell(replica.url, ["REPLICAOF", "NO", "ONE"]);
      expect(await there.wait(waiting, { timeout: "10s" })).toMatchObject({ result: "waiting" });
      expect(await there.getResult(before)).toMatchObject({ result: "before" });
      expect(await there.wait(await there.enqueue("after"))).toMatchObject({ result: "after" });
    });

  test.concurrent("that is not running yet is reported in time, and used once it runs", { timeout: 30_000 }, async ({
    scene: { server, open },
  }) => {
    const redis = await server();
    await redis.kill();
    const queue = open({ url: redis.url });
    const task = echo(queue);
    const startedAt = performance.now();
    // On a busy machine the reason may come a moment after the two seconds that a caller waits by default.
    await expect(queue.ready({ timeout: "10s" })).rejects.toMatchObject({
      code: "queue_unavailable",
      message: expect.stringContaining("Is it running?"),
    });
    await expect(task.enqueue("too early")).rejects.toMatchObject({ code: "queue_unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(await queue.health()).toMatchObject({ isHealthy: false, store: "redis" });
    await redis.restart();
    const id = await task.enqueue("now");
    expect(await task.wait(id, { timeout: "10s" })).toMatchObject({ result: "now" });
    expect(await queue.health()).toMatchObject({ isHealthy: true, error: null });
  });

  test("that forgets its scripts and breaks every connection delays work in progress, and no more", async ({
    scene: { server, open },
  }) => {
    const { url } = await server();
    const task = echo(open({ url }));
    const ids: string[] = [];
    for (let round = 0; round < 8; round++) {
      const batch = await Promise.all(
        Array.from({ length: 50 }, (_, n) => task.enqueue(`${round}.${n}`).catch(() => "")),
      );
      ids.push(...batch.filter((id) => id !== ""));
      await tell(url, round % 2 === 0 ? ["SCRIPT", "FLUSH"] : ["CLIENT", "KILL", "SKIPME", "yes"]);
    }
    expect(ids.length).toBeGreaterThan(200);
    for (const id of ids) expect(await task.wait(id, { timeout: "20s" })).toMatchObject({ status: "completed" });
  });

  for (const words of WORDS)
    test(`whose memory is full${words} refuses new jobs, finishes accepted ones, and accepts more when there is room`, {
      timeout: 30_000,
    }, async ({ scene: { server, inWords, open } }) => {
      const redis = await server();
      const url = await inWords(words, redis);
      const queue = open({ url, worker: false });
      const accepted = await queue.enqueueMany(
        "echo",
        Array.from({ length: 200 }, (_, n) => String(n)),
      );
      await tell(redis.url, ["CONFIG", "SET", "maxmemory", "1"]);
      await expect(queue.enqueue("echo", "more")).rejects.toMatchObject({
        code: "queue_unavailable",
        message: expect.stringContaining("no memory left"),
      });
      const task = echo(open({ url }));
      for (const id of accepted) expect(await task.wait(id, { timeout: "15s" })).toMatchObject({ status: "completed" });
      await tell(redis.url, ["CONFIG", "SET", "maxmemory", "0"]);
      expect(await task.wait(await queue.enqueue("echo", "more"))).toMatchObject({ result: "more" });
    });

  test("whose memory is full lets every call but an enqueue and a retry by hand do its work", async ({
    scene: { server },
  }) => {
    const redis = await server();
    const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix: "full:" }));
    onTestFinished(() => store.close());
    const scene = new StoreScene(store, new HandClock());
    const held = await scene.start(1);
    await scene.add([2, 3]);
    await tell(redis.url, ["CONFIG", "SET", "maxmemory", "1"]);
    const refused = { code: "queue_unavailable", message: expect.stringContaining("no memory left") };
    await expect(scene.add([4])).rejects.toMatchObject(refused);
    await store.subscribe("ready", () => {});
    expect(await scene.beat(held, { logs: ["at it"] })).toBe("held");
    expect(await scene.cancel(idOf(2))).toBe(true);
    await expect(scene.retry(idOf(2))).rejects.toMatchObject(refused);
    expect(await scene.settle(held)).toBe("settled");
    expect(await scene.settle(await scene.takeOne(), { to: "failed" })).toBe("settled");
    expect(await scene.record(idOf(1))).toMatchObject({ status: "completed", logs: ["at it"] });
    expect(await scene.list()).toEqual([3, 2, 1].map(idOf));
    expect((await store.count()).tasks.get(TASK)).toMatchObject({ completed: 1, failed: 1, cancelled: 1 });
    const none = { ageMs: null, count: 0 };
    expect(await scene.prune({ completed: none, failed: none })).toBe(3);
  });

  test("that has reached its limit of clients is tried again, and reported if it stays full", async ({
    scene: { server, open },
  }) => {
    const redis = await server({ maxclients: "1" });
    const holder = createClient({ url: redis.url });
    holder.on("error", () => {});
    await holder.connect();
    const queue = open({ url: redis.url, worker: false });
    await expect(queue.enqueue("echo", "refused")).rejects.toMatchObject({
      code: "queue_unavailable",
      message: expect.stringContaining("raise maxclients"),
    });
    const accepted = queue.enqueue("echo", "in a moment");
    // Long enough for a first refusal, which nothing reports.
    setTimeout(() => holder.destroy(), 300);
    expect(await queue.getResult(await accepted)).toMatchObject({ status: "pending" });
  });

  test.skipIf(!isSortedAsPeopleDo)(
    "that sorts texts by its locale lists jobs in the order of their ids",
    async ({ scene: { server, open } }) => {
      const { url } = await server();
      // Sorting by bytes gives the opposite, so this server does sort by its locale.
      expect(await tell(url, ["EVAL", "return { 'a' < 'B' }", "0"])).toEqual([[1]]);
      const queue = open({ url, worker: false });
      const ids: string[] = [];
      for (let n = 0; n < 200; n++) ids.push(await queue.enqueue(`task${n % 3}`, n));
      const listed: string[] = [];
      for (let before: string | undefined; listed.length < ids.length; before = listed.at(-1))
        listed.push(...(await queue.listJobs({ limit: 50, before })).map(({ jobId }) => jobId));
      expect(listed).toEqual(ids.toReversed());
    },
  );

  test("that may evict keys is refused, unless eviction is allowed", async ({ scene: { server, open } }) => {
    const { url } = await server({ maxmemory: "100mb", "maxmemory-policy": "allkeys-lru" });
    await expect(open({ url }).ready({ timeout: "20s" })).rejects.toMatchObject({
      code: "unsafe_backend",
      message: expect.stringMatching(/allkeys-lru.*noeviction/),
    });
    await open({ url, allowEviction: true }).ready({ timeout: "20s" });
    const byDefault = getQueue({ url, allowEviction: true, worker: false });
    onTestFinished(() => byDefault.close());
    await byDefault.ready({ timeout: "20s" });
    expect(await cli(["counts"], { url })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("--allow-eviction"),
    });
    expect(await cli(["counts", "--allow-eviction"], { url })).toMatchObject({ code: 0 });
  });

  test("that evicts only keys that expire, where that is accepted, keeps all jobs when its memory is full", {
    timeout: 30_000,
  }, async ({ scene: { server, open } }) => {
    const { url } = await server({ "maxmemory-policy": "volatile-lru" });
    const task = echo(open({ url, allowEviction: true }));
    const queue = open({ url, worker: false, allowEviction: true });
    const done = await queue.enqueue("echo", "before");
    await task.wait(done);
    const waiting = await queue.enqueueMany(
      "elsewhere",
      Array.from({ length: 200 }, (_, n) => n),
    );
    await tell(url, ["CONFIG", "SET", "maxmemory", "1"]);
    await expect(queue.enqueue("echo", "more")).rejects.toMatchObject({
      message: expect.stringContaining("no memory"),
    });
    expect((await queue.counts()).byStatus).toMatchObject({ pending: 200, completed: 1 });
    expect(await queue.getResult(waiting[0] as string)).toMatchObject({ status: "pending" });
    await tell(url, ["CONFIG", "SET", "maxmemory", "0"]);
    expect(await task.wait(await queue.enqueue("echo", "more"))).toMatchObject({ result: "more" });
  });

  test("whose replicas must have a job is reported when they do not confirm", async ({
    scene: { server, open },
    expect,
  }) => {
    const primary = await server({ "repl-diskless-sync-delay": "0" });
    const queue = open({ url: primary.url, durability: "replicated", worker: false });
    await expect(queue.enqueue("echo", "alone")).rejects.toMatchObject({
      code: "not_replicated",
      message: expect.stringMatching(/0 of 1 replicas/),
    });
    const replica = await server({ replicaof: `127.0.0.1 ${primary.port}` });
    await expect.poll(() => tell(replica.url, ["INFO", "replication"]).then(String)).toContain("master_link_status:up");
    await untilReplicaConfirms(primary);
    const id = await queue.enqueue("echo", "twice");
    await primary.kill();
    await tell(replica.url, ["REPLICAOF", "NO", "ONE"]);
    expect(await open({ url: replica.url, worker: false }).getResult(id)).toMatchObject({ status: "pending" });
  });

  test("that is still loading is waited for", { timeout: 30_000 }, async ({ scene: { server, open }, expect }) => {
    const redis = await server({
      appendonly: "yes",
      appendfsync: "always",
      "loading-process-events-interval-bytes": "1024",
    });
    const task = echo(open({ url: redis.url }));
    await task.wait(await task.enqueue("before"));
    const many = open({ url: redis.url, worker: false });
    await many.enqueueMany(
      "later",
      Array.from({ length: 3_000 }, (_, n) => n),
    );
    // Slow enough to be found loading.
    await tell(redis.url, ["CONFIG", "SET", "appendonly", "yes"], ["BGREWRITEAOF"]);
    await expect
      .poll(() => tell(redis.url, ["INFO", "persistence"]).then(String))
      .toContain("aof_rewrite_in_progress:0");
    await redis.kill();
    const restarted = redis.restart({ "key-load-delay": "400" });
    await expect
      .poll(() => tell(redis.url, ["PING"]).catch((error) => String(error.message)), { timeout: 5_000 })
      .toContain("LOADING");
    const meanwhile = many.enqueue("echo", "meanwhile").catch((error) => error);
    await restarted;
    const answer = await meanwhile;
    if (typeof answer !== "string") expect(answer).toMatchObject({ message: expect.stringContaining("loading") });
    else expect(await task.wait(answer, { timeout: "10s" })).toMatchObject({ result: "meanwhile" });
    expect(await task.wait(await task.enqueue("after"), { timeout: "10s" })).toMatchObject({ result: "after" });
    expect(await many.counts()).toMatchObject({ byStatus: { pending: 3_000 } });
  });

  test("that rejects the password is reported, without the password that was given", async ({
    scene: { server, open },
  }) => {
    const { url } = await server({ requirepass: "right" });
    for (const given of [url, url.replace("//", "//:secret@"), url.replace("//", "//user:s%2Fec@ret@")]) {
      const error = await open({ url: given })
        .ready({ timeout: "20s" })
        .catch((refusal) => refusal);
      expect(error).toMatchObject({ code: "queue_unavailable", message: expect.stringContaining("password") });
      expect(JSON.stringify([error.message, error.cause])).not.toMatch(/secret|ec@ret/);
    }
    const task = echo(open({ url: url.replace("//", "//:right@") }));
    expect(await task.wait(await task.enqueue("in"))).toMatchObject({ result: "in" });
  });

  test("that suddenly requires a password is reported by every call, and used again once it requires none", async ({
    scene: { server, open },
  }) => {
    const { url } = await server();
    const queue = open({ url, worker: false });
    await queue.ready({ timeout: "20s" });
    await tell(url, ["CONFIG", "SET", "requirepass", "new"]);
    const withPassword = url.replace("//", "//:new@");
    await tell(withPassword, ["CLIENT", "KILL", "TYPE", "normal"]);
    const calls = [() => queue.enqueue("echo", "one"), () => queue.counts(), () => queue.listJobs()];
    for (const call of [...calls, ...calls])
      await expect(call()).rejects.toMatchObject({
        code: "queue_unavailable",
        message: expect.stringContaining("requires a password"),
      });
    await tell(withPassword, ["CONFIG", "SET", "requirepass", ""]);
    expect(await queue.enqueue("echo", "two")).toEqual(expect.any(String));
  });

  test("that is flushed during work loses the jobs, but its workers go on", {
    timeout: 30_000,
  }, async ({ scene: { server, open }, expect }) => {
    const { url } = await server();
    const queue = open({ url, concurrency: 10 });
    const lost: string[] = [];
    queue.on("lost", ({ jobId }) => lost.push(jobId));
    const gate = Promise.withResolvers<void>();
    const held = background({ name: "held", queue }, () => gate.promise);
    const task = echo(queue);
    const running = await held.enqueue();
    const waiting = await task.enqueue("later", { delay: "1h" });
    await expect.poll(async () => (await held.getResult(running))?.status).toBe("running");
    const enqueueing = Promise.all(Array.from({ length: 200 }, (_, n) => task.enqueue(String(n))));
    await tell(url, ["FLUSHALL"]);
    await enqueueing;
    gate.resolve();
    await expect.poll(() => lost).toContain(running);
    expect([await held.getResult(running), await task.getResult(waiting)]).toEqual([null, null]);
    expect(await task.wait(await task.enqueue("after"), { timeout: "10s" })).toMatchObject({ result: "after" });
    await expect.poll(async () => (await queue.counts()).byStatus).toMatchObject({ pending: 0, running: 0 });
  });
});
