import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { background, type JobQueue, RedisQueue, type RedisQueueOptions, type Task } from "rapidai/background";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import type { Connect } from "../../../../src/background/stores/redis/connection.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { connectLike } from "../../../../src/background/stores/redis/users-client.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { untilReplicaConfirms } from "../../../redis/replicas.ts";
import { type RedisProcess, startRedis } from "../../../redis/server.ts";
import { TcpProxy } from "../../../redis/tcp-proxy.ts";
import { tell } from "../../../redis/tell.ts";

type Client = NonNullable<RedisQueueOptions["client"]>;

let queues = 0;
function queueOf(options: RedisQueueOptions): RedisQueue {
  const queue = new RedisQueue({ prefix: `client:${queues++}:`, lease: "2s", ...options });
  // Errors while the server is away are of no interest here.
  queue.on("error", () => {});
  onTestFinished(() => queue.close({ grace: 0 }));
  return queue;
}

function shouting(queue: JobQueue): Task<string, string> {
  return background({ queue, name: "shout" }, async (text: string, job) => {
    job.progress({ done: 1, total: 2, message: "half" });
    job.log("heard it");
    return text.toUpperCase();
  });
}

describe.skipIf(isWithoutRedis)("a client passed to a queue", () => {
  const redis = ownRedis({ appendonly: "yes" });

  // 36 is the type of most texts in Redis' protocol, 58 that of numbers: https://redis.io/docs/latest/develop/reference/protocol-spec/
  const makers: Readonly<Record<string, () => Client>> = {
    "has the defaults": () => createClient({ url: redis.url }),
    "speaks the newer protocol": () => createClient({ url: redis.url, RESP: 3 }),
    "caches what it has read": () => {
      const clientSideCache = { ttl: 0, maxEntries: 0, evictPolicy: "LRU" } as const;
      return createClient({ url: redis.url, RESP: 3, clientSideCache });
    },
    "maps texts to buffers and numbers to texts": () => {
      return createClient({ url: redis.url, RESP: 3, commandOptions: { typeMapping: { 36: Buffer, 58: String } } });
    },
    "maps texts to buffers by withTypeMapping()": () =>
      createClient({ url: redis.url }).withTypeMapping({ 36: Buffer }),
  };
  test("that is from another package is refused at once, rather than hanging when it is used", () => {
    // These are the methods of a client from ioredis, which many people use.
    const other = { duplicate: () => other, sendCommand: () => {}, psubscribe: () => {} };
    expect(() => new RedisQueue({ client: other as never })).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining("must be from the package redis"),
      }),
    );
  });

  test("that has options which a queue cannot use is connected without them", async () => {
    const queue = queueOf({ client: createClient({ url: redis.url, readonly: true, commandsQueueMaxLength: 1 }) });
    const shout = shouting(queue);
    await queue.ready({ timeout: "20s" });
    const ids = await Promise.all(["a", "b", "c"].map((text) => shout.enqueue(text)));
    for (const id of ids) expect(await shout.wait(id, { timeout: "10s" })).toMatchObject({ status: "completed" });
  });

  test("or a url may name a database, and only queues on that database hear what ends there", async () => {
    const at = (options: RedisQueueOptions) => {
      const queue = new RedisQueue({ prefix: "databases:", ...options });
      onTestFinished(() => queue.close({ grace: 0 }));
      return queue;
    };
    const zeroth = at({ url: redis.url });
    const first = at({ url: `${redis.url}/1` });
    const alike = at({ client: createClient({ url: redis.url, database: 1 }), worker: false });
    const heard = new Map<JobQueue, string[]>();
    for (const queue of [zeroth, alike]) {
      const ids: string[] = [];
      heard.set(queue, ids);
      await queue.watchFinished(({ jobIds }) => ids.push(...jobIds));
    }
    const there = await shouting(first).enqueue("there");
    await first.wait(there);
    const waiting = await first.enqueue("without-worker", 1);
    await first.cancel(waiting);
    await expect.poll(() => heard.get(alike)).toEqual(expect.arrayContaining([there, waiting]));
    const here = await shouting(zeroth).enqueue("here");
    await zeroth.wait(here);
    // Messages arrive in order: it would have heard of the other ones before.
    await expect.poll(() => heard.get(zeroth)).toEqual([here]);
  });

  for (const [what, make] of Object.entries(makers)) {
    test(`that ${what} works as well as a url`, async () => {
      const queue = queueOf({ client: make() });
      const shout = shouting(queue);
      await queue.ready({ timeout: "20s" });
      const id = await shout.enqueue("hello");
      expect(await shout.wait(id, { timeout: "10s" })).toMatchObject({
        result: "HELLO",
        progress: { message: "half" },
      });
      expect(await queue.getDetails(id)).toMatchObject({ logs: ["heard it"] });
      const later = await shout.enqueue("later", { delay: "1h" });
      expect((await queue.listJobs({ status: "pending" })).map(({ jobId }) => jobId)).toEqual([later]);
      expect(await shout.cancel(later)).toBe(true);
      expect((await queue.counts()).byStatus).toMatchObject({ completed: 1, cancelled: 1 });
      expect(await queue.health()).toMatchObject({ isHealthy: true, details: { appendFsync: "everysec" } });
    });
  }

  test("that is a pool, or no client of Redis at all, is refused", () => {
    for (const client of [createClientPool({ url: redis.url }), {}, "redis://localhost", null]) {
      expect(() => new RedisQueue({ client: client as never })).toThrow(
        /must be from the package redis: use createClient\(\)/,
      );
    }
  });
});

test("a connection attempt does not keep the process alive by itself", () => {
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => void vi.restoreAllMocks());
  const told: string[] = [];
  const client = {
    duplicate: () => client,
    on: () => {},
    unref: () => told.push("unref"),
    connect: () => {
      told.push("connect");
      return new Promise(() => {});
    },
  };
  void connectLike(client)(() => {});
  const isHeld = timers.mock.results.map(({ value }) => {
    clearTimeout(value);
    return value.hasRef();
  });
  expect({ told, isHeld }).toEqual({ told: ["unref", "connect"], isHeld: [false] });
});

test("a cluster client whose node does not answer leaves no connection behind when it is given up", async () => {
  const node = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void node.close());
  await once(node, "listening");
  const rootNodes = [{ url: `redis://127.0.0.1:${(node.address() as AddressInfo).port}` }];
  const connect = connectLike(createCluster({ rootNodes }) as never);
  const connecting = connect(() => {});
  const [socket] = await once(node, "connection");
  connect.giveUp?.();
  await expect(connecting).rejects.toThrow();
  socket.resume();
  await once(socket, "close");
});

test("a sentinel client that switches to another primary counts as a broken connection", async () => {
  let change = (_: { readonly type: string }) => {};
  const client = {
    getMasterNode: () => {},
    duplicate: () => client,
    on: (event: string, listener: typeof change) => {
      if (event === "topology-change") change = listener;
    },
    connect: async () => change({ type: "MASTER_CHANGE" }),
  };
  const broken = vi.fn();
  await connectLike(client)(broken);
  change({ type: "REPLICA_ADD" });
  expect(broken).not.toHaveBeenCalled();
  change({ type: "MASTER_CHANGE" });
  expect(broken).toHaveBeenCalledOnce();
});

test("a connection to a primary that hangs and is replaced meanwhile counts as broken, with a sentinel url", async () => {
  const listening = async (onSocket: (socket: Socket) => void) => {
    const server = createServer(onSocket).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const bulk = (...texts: string[]) => texts.map((text) => `$${text.length}\r\n${text}\r\n`).join("");
  const { promise: dialled, resolve: onDialled } = Promise.withResolvers<Socket>();
  const port = `${await listening(onDialled)}`;
  const { promise: subscribed, resolve: onSubscribed } = Promise.withResolvers<Socket>();
  const sentinel = await listening((socket) => {
    const answers: Readonly<Record<string, string>> = {
      PING: "+PONG\r\n",
      SETNAME: "+OK\r\n",
      "GET-MASTER-ADDR-BY-NAME": `*2\r\n${bulk("127.0.0.1", port)}`,
      subscribe: `*3\r\n${bulk("subscribe", "+switch-master")}:1\r\n`,
    };
    const known = new RegExp(Object.keys(answers).join("|"), "g");
    socket.on("data", (bytes) => {
      const asked: readonly string[] = String(bytes).match(known) ?? [];
      for (const command of asked) socket.write(answers[command] as string);
      if (asked.includes("subscribe")) onSubscribed(socket);
    });
    socket.on("error", () => {});
  });
  const { promise: broken, resolve: onBroken } = Promise.withResolvers<unknown>();
  const connecting = connectTo(`redis+sentinel://127.0.0.1:${sentinel}/main`)(onBroken);
  connecting.catch(() => {});
  const hung = await dialled;
  const announcement = bulk("message", "+switch-master", `main 127.0.0.1 ${port} 127.0.0.1 1`);
  (await subscribed).write(`*3\r\n${announcement}`);
  expect(await broken).toMatchObject({ message: "another server became the primary" });
  hung.destroy();
  await expect(connecting).rejects.toThrow();
});

describe.skipIf(isWithoutRedis)("a sentinel url", () => {
  const secret = "pa/ss@word";
  let primary: RedisProcess;
  let sentinel: RedisProcess;
  beforeAll(async () => {
    primary = await startRedis({ requirepass: secret });
    sentinel = await startRedis({}, [`monitor main 127.0.0.1 ${primary.port} 1`, `auth-pass main ${secret}`]);
  });
  afterAll(async () => {
    await sentinel.stop();
    await primary.stop();
  });
  const at = (rest: string, password: string, prefix = "nowhere:") => {
    const login = `:${encodeURIComponent(password)}`;
    return queueOf({ url: `redis+sentinel://${login}@127.0.0.1:1,127.0.0.1:${sentinel.port}/${rest}`, prefix });
  };

  test("leads to the primary's database even if one sentinel is away, and never shows the password", async () => {
    const queue = at("main/1", secret, "sentinels:");
    const shout = shouting(queue);
    expect(queue.place).toBe(`redis+sentinel://…@127.0.0.1:1,127.0.0.1:${sentinel.port}/main/1, prefix sentinels:`);
    await queue.ready({ timeout: "30s" });
    // A queue at the server's own url sees the same jobs, and hears when they end.
    const own = primary.url.replace("//", `//:${encodeURIComponent(secret)}@`);
    const beside = queueOf({ url: `${own}/1`, prefix: "sentinels:", worker: false });
    const heard: string[] = [];
    await beside.watchFinished(({ jobIds }) => heard.push(...jobIds));
    const id = await shout.enqueue("hello");
    expect(await shout.wait(id, { timeout: "10s" })).toMatchObject({ result: "HELLO" });
    await expect.poll(() => heard).toEqual([id]);
    expect(await beside.getResult(id)).toMatchObject({ result: "HELLO" });
  });

  test("that leads nowhere says why, as soon as a server's url would", async () => {
    for (const [rest, password, why] of [
      ["nobody", secret, /know no primary of the name nobody/],
      ["main", "wrong", /rejected the password/],
    ] as const) {
      const queue = at(rest, password);
      const startedAt = performance.now();
      await expect(queue.enqueue("task", 1)).rejects.toMatchObject({
        code: "queue_unavailable",
        message: expect.stringMatching(why),
      });
      expect(performance.now() - startedAt).toBeLessThan(6_000);
      await queue.close();
    }
  });

  test("is suggested to users who gave a sentinel's address as a server's", async () => {
    const queue = queueOf({ url: sentinel.url });
    await expect(queue.ready({ timeout: "10s" })).rejects.toThrow(/use redis\+sentinel:\/\/host:port\/name/);
  });
});

describe.skipIf(isWithoutRedis)("a queue that connects through sentinels", () => {
  const ways: Readonly<Record<string, (port: number) => RedisQueueOptions>> = {
    "with a sentinel client": (port) => ({
      client: createSentinel({
        name: "main",
        sentinelRootNodes: [1, port].map((port) => ({ host: "127.0.0.1", port })),
      }),
    }),
    "with a sentinel url": (port) => ({ url: `redis+sentinel://127.0.0.1:1,127.0.0.1:${port}/main` }),
  };
  test.each(Object.entries(ways))(
    "finds the primary and its successor %s, even if one sentinel is gone, and loses no job that a replica had",
    {
      timeout: 60_000,
    },
    async (_, at) => {
      const servers: RedisProcess[] = [];
      onTestFinished(() => Promise.all(servers.map((server) => server.stop())).then(() => {}));
      const started = async (...args: Parameters<typeof startRedis>) => {
        const server = await startRedis(...args);
        servers.push(server);
        return server;
      };
      const primary = await started({ "repl-diskless-sync-delay": "0" });
      await started({ replicaof: `127.0.0.1 ${primary.port}` });
      // A sentinel looks for replicas when it starts, then every ten seconds: a later replica could not be promoted in time.
      await untilReplicaConfirms(primary);
      const sentinel = await started({}, [
        `monitor main 127.0.0.1 ${primary.port} 1`,
        "down-after-milliseconds main 500",
        "failover-timeout main 2000",
      ]);
      const queue = queueOf({ ...at(sentinel.port), durability: "replicated" });
      const shout = shouting(queue);
      await expect.poll(() => shout.enqueue("early").catch(() => null), { timeout: 15_000 }).not.toBeNull();
      const done = await shout.enqueue("before");
      expect(await shout.wait(done, { timeout: "10s" })).toMatchObject({ result: "BEFORE" });
      const waiting = await shout.enqueue("meanwhile", { delay: "1s" });
      const health = await queue.health();
      expect(health).toMatchObject({ isHealthy: true, details: { role: "primary", replicas: 1 } });

      await primary.kill();
      const startedAt = performance.now();
      await expect(shout.enqueue("nobody takes this")).rejects.toMatchObject({
        code: expect.stringMatching(/^queue_unavailable$|^not_replicated$/),
      });
      expect(performance.now() - startedAt).toBeLessThan(6_000);
      await expect
        .poll(() => shout.getResult(done).catch(() => null), { timeout: 30_000 })
        .toMatchObject({ result: "BEFORE" });
      expect(await shout.wait(waiting, { timeout: "20s" })).toMatchObject({ result: "MEANWHILE" });
      // No replica is left to confirm the job, but it is stored all the same.
      await expect(shout.enqueue("alone")).rejects.toMatchObject({ code: "not_replicated" });
      await expect.poll(() => queue.counts().then(({ byStatus }) => byStatus.pending), { timeout: 10_000 }).toBe(0);
    },
  );

  test("leaves, with a sentinel url, a primary that was replaced but does not know it yet", {
    timeout: 60_000,
  }, async () => {
    const primary = await startRedis({ "repl-diskless-sync-delay": "0" });
    onTestFinished(() => primary.stop());
    const replica = await startRedis({ replicaof: `127.0.0.1 ${primary.port}` });
    onTestFinished(() => replica.stop());
    await untilReplicaConfirms(primary);
    const sentinel = await startRedis({}, [`monitor main 127.0.0.1 ${primary.port} 1`]);
    onTestFinished(() => sentinel.stop());
    const connect = connectTo(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
    const { promise: broken, resolve: onBroken } = Promise.withResolvers<unknown>();
    const connection = await connect(onBroken);
    onTestFinished(() => connection.destroy());
    const listeners = () => tell(sentinel.url, ["CLIENT", "LIST", "TYPE", "pubsub"]);
    await expect.poll(listeners).toEqual([expect.stringContaining("sub=1")]);
    const failover = () => tell(sentinel.url, ["SENTINEL", "FAILOVER", "main"]).catch(() => null);
    await expect.poll(failover, { timeout: 20_000 }).toEqual(["OK"]);
    expect(await broken).toMatchObject({ message: "another server became the primary" });
    expect(String(await tell(primary.url, ["ROLE"]))).toMatch(/^master/);
    connection.destroy();
    await expect.poll(listeners).toEqual([""]);
  });

  test("gets the jobs of a claim back, with a sentinel client, when its reply was lost: the claim is not repeated", {
    timeout: 30_000,
  }, async () => {
    const primary = await startRedis();
    onTestFinished(() => primary.stop());
    const sentinel = await startRedis({}, [`monitor main 127.0.0.1 ${primary.port} 1`]);
    onTestFinished(() => sentinel.stop());
    const proxy = await TcpProxy.before(primary.port);
    onTestFinished(() => proxy.close());
    const client = createSentinel({
      name: "main",
      sentinelRootNodes: [{ host: "127.0.0.1", port: sentinel.port }],
      nodeAddressMap: (address) => {
        const [host = "", port] = address.split(":");
        return { host, port: Number(port) === primary.port ? Number(new URL(proxy.url).port) : Number(port) };
      },
    });
    const storeOf = (connect: Connect) => {
      const store = new RedisStore(storeOptions({ connect, prefix: "sentinel:" }));
      onTestFinished(() => store.close());
      return store;
    };
    const [broken, straight] = [connectLike(client), connectTo(primary.url)].map((connect) => {
      return new Scene(storeOf(connect), new HandClock());
    }) as [Scene, Scene];
    await expect
      .poll(
        () =>
          broken.store
            .open()
            .then(() => true)
            .catch(() => false),
        { timeout: 10_000 },
      )
      .toBe(true);
    await straight.add([1, 2]);
    // Redis knows the script from now on, so the reply that is cut off is that of the claim.
    await broken.claim({ limit: 0 });
    proxy.set("cut");
    let isOver = false;
    const claim = broken.claim({ limit: 1 }).finally(() => {
      isOver = true;
    });
    claim.catch(() => {});
    await expect.poll(() => isOver || proxy.connections > 1).toBe(true);
    proxy.set("none");
    await expect(claim).rejects.toMatchObject({ code: "queue_unavailable" });
    const taken: string[] = [];
    const takeMore = async () => {
      taken.push(...(await broken.take().catch(() => [])));
      return taken.toSorted();
    };
    await expect.poll(takeMore, { timeout: 10_000 }).toEqual([1, 2].map(idOf));
    expect(await straight.record(idOf(1))).toMatchObject({ attempts: 1, losses: 0 });
  });
});
