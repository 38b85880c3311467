import { setTimeout as pause } from "node:timers/promises";
import { background, type JobQueue, newJobId, RedisQueue, type RedisQueueOptions } from "rapidai/background";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { ClaimRequest, HandedJob } from "../../../../src/background/core/store.ts";
import { CLAIM } from "../../../../src/background/stores/redis/claim.ts";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import type { Connect } from "../../../../src/background/stores/redis/connection.ts";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { shorten } from "../../../../src/background/stores/redis/short-id.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, newJob, Scene } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { tell } from "../../../redis/tell.ts";

const TASK = "send-email";

type Send = Awaited<ReturnType<Connect>>["send"];

const redis = ownRedis();
let prefix: string;
let prefixes = 0;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A store whose worker waits for jobs, and the jobs that are handed over to it. */
async function waiting(offer: string, request: Partial<ClaimRequest> = {}) {
  const store = open();
  const handed: HandedJob[] = [];
  const unsubscribe = await store.subscribe("ready", (signal) => {
    if (signal.kind === "ready" && signal.handed !== undefined) handed.push(signal.handed);
  });
  const claim = (more: Partial<ClaimRequest> = {}) =>
    store.claim({
      worker: "waiting",
      token: `claim-${prefixes}-${Math.random()}`,
      lanes: [{ lane: TASK, limit: 10 }],
      limit: 10,
      lostLimit: 10,
      leaseMs: 30_000,
      maxVersion: 1,
      offer: null,
      offered: null,
      ...more,
    });
  await claim({ offer, ...request });
  await nameOf(store);
  return { store, handed, claim, unsubscribe };
}

function open(): RedisStore {
  const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix, clock: null }));
  closers.push(() => store.close());
  return store;
}

const statusOf = async (store: RedisStore, id: string) =>
  (await store.get([id], { isDetailed: false, holdMs: 0 }))[0]?.status;

function fresh(): { id: string; job: ReturnType<typeof newJob> } {
  const id = newJobId();
  return { id, job: newJob(0, { id, task: TASK }) };
}

describe.skipIf(isWithoutRedis)("a job enqueued while a worker is waiting", () => {
  afterEach(() => {
    prefixes++;
  });
  const begin = () => {
    prefix = `handover:${prefixes}:`;
  };

  test("is handed over within the call that enqueues it, even if the lane has jobs that are not due yet", async () => {
    begin();
    await open().enqueue([{ ...fresh().job, delayMs: 60_000 }]);
    const { handed } = await waiting("an offer");
    const { id, job } = fresh();
    const producer = open();
    await producer.enqueue([job]);
    expect(await statusOf(producer, id)).toBe("running");
    await expect.poll(() => handed).toMatchObject([{ token: "an offer", job: { id, task: TASK } }]);
  });

  test("completes without its record being read or written, like one that was claimed", async () => {
    begin();
    const { store, handed } = await waiting("an offer");
    const { id, job } = fresh();
    await open().enqueue([job]);
    await expect.poll(() => handed).toHaveLength(1);
    await tell(redis.url, ["CONFIG", "RESETSTAT"]);
    const settlement = new Scene(store, new HandClock()).settlement({ id, token: "an offer" });
    expect(await store.settle([settlement])).toEqual(["settled"]);
    const [info] = await tell(redis.url, ["INFO", "commandstats"]);
    expect(String(info)).not.toMatch(/cmdstat_(mget|mset|zrangebylex):/);
    expect(await statusOf(store, id)).toBe("completed");
  });

  test("is not handed to a worker that stopped listening, but to the next", async () => {
    begin();
    const other = await waiting("first");
    const gone = await waiting("second");
    gone.unsubscribe();
    // The server must know before the next call, which uses another connection.
    await expect.poll(async () => numberOfListeners(gone.store)).toBe(0);
    const { id, job } = fresh();
    await open().enqueue([job]);
    await expect.poll(() => other.handed).toMatchObject([{ token: "first", job: { id } }]);
    expect(gone.handed).toEqual([]);
  });

  test("does not overtake jobs that wait in line", async () => {
    begin();
    const first = await waiting("first");
    const other = await waiting("other");
    // Two jobs at once wake both waiting workers; then one of them waits again.
    const [one, two] = [fresh(), fresh()];
    await open().enqueue([one.job, two.job]);
    await other.claim({ lanes: [{ lane: TASK, limit: 0 }], limit: 0 });
    const third = await waiting("third", { lanes: [{ lane: "another", limit: 1 }] });
    await tell(redis.url, [
      "ZADD",
      `${baseOf(prefix)}i${TASK}`,
      String(Date.now() + 60_000),
      await nameOf(third.store),
    ]);
    const { id, job } = fresh();
    await open().enqueue([job]);
    expect(await statusOf(third.store, id)).toBe("pending");
    expect([...first.handed, ...other.handed, ...third.handed]).toEqual([]);
    expect((await first.claim()).jobs.map((claimed) => claimed.id)).toEqual([one.id, two.id, id]);
  });

  test("waits in line if something else was written in place of the offer", async () => {
    begin();
    const { store, handed, claim } = await waiting("an offer");
    const key = `${baseOf(prefix)}O${await nameOf(store)}`;
    for (const [command = "", ...rest] of [
      ["HSET", "a", "b"],
      ["SET", "nonsense"],
      ["SET", "= "],
      ["SET", "w t x"],
      ["SET", "w t 1"],
      ["SET", `w t 0 ${TASK} `],
      ["SET", `w t 99999999999999999999 ${TASK} `],
    ]) {
      await claim({ offer: "another" });
      await tell(redis.url, ["DEL", key], [command, key, ...rest]);
      const { id, job } = fresh();
      await open().enqueue([job]);
      expect(await statusOf(store, id)).toBe("pending");
      expect((await claim({ offered: "another" })).jobs).toMatchObject([{ id }]);
    }
    expect(handed).toEqual([]);
  });

  test("waits in line, and is not lost, if the handover would fail halfway", async () => {
    begin();
    const { store, handed, claim } = await waiting("an offer");
    const base = baseOf(prefix);
    for (const [spoil, mend] of [
      [
        ["HSET", `${base}e`, "a", "b"],
        ["DEL", `${base}e`],
      ],
      [
        ["SET", `${base}r1:${TASK}`, "a"],
        ["DEL", `${base}r1:${TASK}`],
      ],
      [
        ["ACL", "SETUSER", "default", "-pubsub"],
        ["ACL", "SETUSER", "default", "+@all"],
      ],
    ] as const) {
      await claim({ offer: "another" });
      await tell(redis.url, mend, spoil);
      const { id, job } = fresh();
      await open().enqueue([job]);
      await tell(redis.url, mend);
      expect(await statusOf(store, id)).toBe("pending");
      expect((await claim({ offered: "another", lostLimit: 0 })).jobs).toMatchObject([{ id }]);
    }
    expect(handed).toEqual([]);
  });

  test("is reported again by the next claim, since the message may be lost", async () => {
    begin();
    const { store, claim } = await waiting("an offer");
    const { id, job } = fresh();
    await open().enqueue([job]);
    expect(await claim({ offered: "an offer" })).toMatchObject({
      jobs: [],
      handed: { token: "an offer", job: { id } },
    });
    expect(await statusOf(store, id)).toBe("running");
  });

  test("is reported by the next claim even if one failed before, over a key of another program", async () => {
    begin();
    const { claim } = await waiting("an offer");
    const { id, job } = fresh();
    await open().enqueue([job]);
    const key = `${baseOf(prefix)}l${TASK}`;
    await tell(redis.url, ["HSET", key, "a", "b"]);
    await expect(claim({ offered: "an offer", offer: "refused" })).rejects.toThrow("do not belong to the queue");
    await tell(redis.url, ["DEL", key]);
    expect((await claim({ offered: "an offer" })).handed).toMatchObject({ token: "an offer", job: { id } });
  });
});

test.skipIf(isWithoutRedis)(
  "workers that disappeared silently do not stay in the list of waiting workers for ever",
  async () => {
    prefix = `gone:${prefixes++}:`;
    const clock = new HandClock();
    for (let worker = 0; worker < 5; worker++) {
      const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix, clock }));
      closers.push(() => store.close());
      await store.subscribe("ready", () => {});
      await new Scene(store, clock).claim();
      clock.move(3_000);
    }
    const base = baseOf(prefix);
    expect(await tell(redis.url, ["ZCARD", `${base}I`], ["ZCARD", `${base}i${TASK}`])).toEqual([1, 1]);
  },
);

test.skipIf(isWithoutRedis)(
  "workers that left or fell silent do not stay in the list of workers for ever",
  async () => {
    prefix = `left:${prefixes++}:`;
    const clock = new HandClock();
    const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix, clock }));
    closers.push(() => store.close());
    const beat = async (id: string, presenceMs: number) => {
      const worker = { id, tasks: [], slots: 1, concurrency: {}, version: "1" };
      await store.heartbeat({ worker, presenceMs, leaseMs: 1, beats: [] });
      return tell(redis.url, ["HLEN", `${baseOf(prefix)}P`], ["ZCARD", `${baseOf(prefix)}G`]);
    };
    await beat("silent", 1_000);
    expect(await beat("leaving", 1_000)).toEqual([2, 2]);
    expect(await beat("leaving", 0)).toEqual([1, 1]);
    clock.move(1_000);
    expect(await beat("another", 1_000)).toEqual([1, 1]);
  },
);

test.skipIf(isWithoutRedis)(
  "a lane that no worker comes to any more leaves nothing behind, even if it never had a job",
  async () => {
    prefix = `lanes:${prefixes++}:`;
    const lanes = ["once", "never-again"];
    const { claim } = await waiting("an offer", { lanes: lanes.map((lane) => ({ lane, limit: 1 })) });
    const lifetimes = () => tell(redis.url, ...lanes.map((lane) => ["PTTL", `${baseOf(prefix)}i${lane}`]));
    const isBounded = (ms: unknown) => Number(ms) > 0 && Number(ms) <= 86_400_000;
    expect((await lifetimes()).map(isBounded)).toEqual([true, true]);
    // A worker that was woken waits again from its next claim on.
    const { job } = fresh();
    await open().enqueue([{ ...job, task: "once", lane: "once" }]);
    await claim({ lanes: lanes.map((lane) => ({ lane, limit: 1 })) });
    expect((await lifetimes()).map(isBounded)).toEqual([true, true]);
  },
);

test.skipIf(isWithoutRedis)(
  "jobs that arrive under an offer that is over are not remembered: they arrived before, and may be settled",
  async () => {
    prefix = `over:${prefixes++}:`;
    const direct = connectTo(redis.url);
    const messages: string[] = [];
    let hear: (message: string) => void = () => {};
    const connect: Connect = Object.assign(
      async (onBroken: (error: unknown) => void) => {
        const connection = await direct(onBroken);
        const subscribe: typeof connection.subscribe = (channel, listener) => {
          if (!channel.endsWith("!probe")) hear = listener;
          return connection.subscribe(channel, (message) => void messages.push(message));
        };
        return { ...connection, subscribe };
      },
      { prepare: direct.prepare },
    );
    const clock = new HandClock();
    const store = new RedisStore(storeOptions({ connect, prefix, clock }));
    closers.push(() => store.close());
    const scene = new Scene(store, clock);
    await store.subscribe("ready", () => {});
    await scene.claim({ offer: "over" });
    await scene.add([1]);
    await expect.poll(() => messages).toHaveLength(1);
    expect((await scene.claim({ offered: "over" })).handed).toMatchObject({ job: { id: idOf(1) } });
    const held = await scene.start(2);
    // More than a store remembers.
    for (let n = 1; n <= 10_001; n++) hear((messages[0] as string).replace(shorten(idOf(1)), shorten(idOf(10 + n))));
    await tell(redis.url, ["CONFIG", "RESETSTAT"]);
    expect(await scene.settle(held)).toBe("settled");
    const [info] = await tell(redis.url, ["INFO", "commandstats"]);
    expect(String(info)).not.toMatch(/cmdstat_mget:/);
  },
);

/** A store whose claims go through `claim`, which decides whether to send them, and another store beside it. */
function withClaimsBy(claim: (send: () => ReturnType<Send>) => ReturnType<Send>) {
  const direct = connectTo(redis.url);
  const connect: Connect = Object.assign(
    async (onBroken: (error: unknown) => void) => {
      const connection = await direct(onBroken);
      const send: Send = (key, args) => {
        const sent = () => connection.send(key, args);
        return args[1] === CLAIM.sha ? claim(sent) : sent();
      };
      return { ...connection, send };
    },
    { prepare: direct.prepare },
  );
  const clock = new HandClock();
  const store = new RedisStore(storeOptions({ connect, prefix, clock }));
  const other = new RedisStore(storeOptions({ connect: direct, prefix, clock }));
  closers.push(
    () => store.close(),
    () => other.close(),
  );
  return { store, other, scene: new Scene(store, clock), clock };
}

test.skipIf(isWithoutRedis)(
  "a job handed over under an offer that was given up is handed back, not delivered with the next claim's reply",
  async () => {
    prefix = `given-up:${prefixes++}:`;
    let beforeClaim = async () => {};
    const { store, other, scene } = withClaimsBy(async (send) => {
      await beforeClaim();
      return send();
    });
    const unsubscribe = await store.subscribe("ready", () => {});
    await scene.claim({ offer: "given up" });
    beforeClaim = async () => {
      throw new Error("the connection broke");
    };
    await expect(scene.claim({ offered: "given up" })).rejects.toThrow("the connection broke");
    // Right after the search for what the given-up offer brought.
    beforeClaim = () => other.enqueue([newJob(1)]).then(() => {});
    const { handed } = await scene.claim({ offered: "another" });
    expect(handed).toBeUndefined();
    // At once: it may have been the last claim of a worker that stops.
    expect(await statusOf(other, idOf(1))).toBe("pending");
    beforeClaim = async () => {};
    expect((await scene.claim()).jobs).toMatchObject([{ id: idOf(1), attempts: 1, isLost: false }]);
    unsubscribe();
  },
);

test.skipIf(isWithoutRedis)(
  "a job handed over under the offer of a failed claim that reached the server after the next claim is handed back",
  async () => {
    prefix = `late:${prefixes++}:`;
    let reach: (() => Promise<unknown>) | undefined;
    let isLate = true;
    const { store, other, scene, clock } = withClaimsBy(async (send) => {
      if (!isLate) return send();
      reach = send;
      throw new Error("the connection broke");
    });
    const unsubscribe = await store.subscribe("ready", () => {});
    // What another worker claimed meanwhile is not what is looked for.
    await new Scene(other, clock).start(2, {}, { token: "another's" });
    await expect(scene.claim({ offer: "late" })).rejects.toThrow("the connection broke");
    isLate = false;
    await scene.claim({ offered: "late", offer: "standing" });
    await reach?.();
    await other.enqueue([newJob(1, { maxRetries: 0 })]);
    expect(await statusOf(other, idOf(1))).toBe("running");
    clock.move(1_000);
    const { jobs, handed } = await scene.claim({ offered: "standing" });
    expect(handed).toBeUndefined();
    expect(jobs).toMatchObject([{ id: idOf(1), attempts: 1, isLost: false }]);
    unsubscribe();
  },
);

test.skipIf(isWithoutRedis)("an offer stands however many claims fail before they reach the server", async () => {
  prefix = `stands:${prefixes++}:`;
  let isRefused = false;
  const { store, other, scene } = withClaimsBy(async (send) => {
    if (isRefused) throw new Error("NOPERM this user has no permissions to run the command");
    return send();
  });
  const handed: HandedJob[] = [];
  const unsubscribe = await store.subscribe("ready", (signal) => {
    if (signal.kind === "ready" && signal.handed !== undefined) handed.push(signal.handed);
  });
  await scene.claim({ offer: "standing" });
  isRefused = true;
  for (let claim = 1; claim <= 10; claim++)
    await expect(scene.claim({ offered: "standing", offer: `unheard of ${claim}` })).rejects.toThrow("NOPERM");
  await other.enqueue([newJob(1)]);
  await expect.poll(() => handed).toMatchObject([{ token: "standing", job: { id: idOf(1) } }]);
  unsubscribe();
});

describe.skipIf(isWithoutRedis)("workers that jobs are handed over to", () => {
  const queues: JobQueue[] = [];
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close({ grace: 0 })));
  });
  const queueOf = (options: RedisQueueOptions) => {
    const queue = new RedisQueue({ url: redis.url, ...options });
    queues.push(queue);
    return queue;
  };

  test("never run more jobs at a time than they have slots, and run each job once", async () => {
    const own = `slots:${prefixes++}:`;
    const runs = new Map<number, number>();
    let most = 0;
    for (const concurrency of [1, 2, 1]) {
      let running = 0;
      const task = background(
        { queue: queueOf({ prefix: own, concurrency }), name: "short" },
        async (n: number, job) => {
          most = Math.max(most, ++running - concurrency);
          runs.set(n, (runs.get(n) ?? 0) + 1);
          expect(job.attempt).toBe(1);
          await pause(n % 4);
          running--;
        },
      );
      await task.queue.ready({ timeout: "10s" });
    }
    const producers = [1, 2, 3].map(() => queueOf({ prefix: own, worker: false }));
    const ids = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        await pause((n % 100) * 5 + Math.random() * 5);
        return (producers[n % 3] as JobQueue).enqueue("short", n);
      }),
    );
    const reader = producers[0] as JobQueue;
    await expect.poll(async () => (await reader.counts()).byStatus.completed, { timeout: 20_000 }).toBe(ids.length);
    expect(most).toBe(0);
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
    expect(runs.size).toBe(ids.length);
  });

  test("make no offers if a lease could be half over before its job starts", async () => {
    for (const [lease, offers] of [
      ["3s", 1],
      ["2s", 0],
    ] as const) {
      const own = `lease:${prefixes++}:`;
      const queue = queueOf({ prefix: own, lease });
      const task = background({ queue, name: "short" }, async () => {});
      await task.wait(await task.enqueue());
      const offered = async () => (await tell(redis.url, ["KEYS", `${baseOf(own)}O*`]))[0] as unknown[];
      if (offers === 0) await pause(100);
      await expect.poll(async () => (await offered()).length).toBe(offers);
    }
  });

  test("hand back at once what arrives under an offer that was over and that a failover has revived", async () => {
    const own = `revived:${prefixes++}:`;
    const worker = queueOf({ prefix: own });
    const task = background({ queue: worker, name: "short", maxRetries: 0 }, async (text: string) => text);
    const producer = queueOf({ prefix: own, worker: false });
    await task.wait(await task.enqueue("before"));
    const [keys] = await tell(redis.url, ["KEYS", `${baseOf(own)}O*`]);
    const key = (keys as string[])[0] as string;
    /** The offer that stands, once it is another one than `before`. */
    const offerAfter = (before: string) =>
      vi.waitUntil(async () => {
        const text = String((await tell(redis.url, ["GET", key]))[0]);
        return text !== before && text.endsWith(" short ") ? text : undefined;
      }, 5_000);
    const revived = await offerAfter("");
    // What the old primary did since, and the new one never heard of.
    await offerAfter(revived);
    await tell(redis.url, ["SET", key, revived, "PX", "2500"]);
    const id = await producer.enqueue("short", "after");
    expect(await producer.wait(id, { timeout: "10s" })).toMatchObject({ result: "after", attempts: 1, errors: [] });
  });

  test("hand back at once what arrives while they stop", async () => {
    const own = `stop:${prefixes++}:`;
    const producer = queueOf({ prefix: own, worker: false });
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const queue = queueOf({ prefix: own });
      background({ queue, name: "short" }, async (_: null, job) => void seen.add(job.id));
      await queue.ready({ timeout: "10s" });
      await pause(20);
      const [id] = await Promise.all([producer.enqueue("short", null), pause(round % 3).then(() => queue.stop())]);
      const result = await producer.getResult(id);
      // Never running: nobody would notice until the lease expired.
      expect(result?.status).toBe(seen.has(id) ? "completed" : "pending");
      expect(result?.attempts).toBe(seen.has(id) ? 1 : 0);
      await producer.cancel(id);
    }
  });
});

/** How many connections listen on a store's own channel. */
async function numberOfListeners(store: RedisStore): Promise<number> {
  const [answer] = await tell(redis.url, ["PUBSUB", "NUMSUB", `${baseOf(prefix)}!${await nameOf(store)}`]);
  return Number((answer as unknown[])[1]);
}

const names = new Map<RedisStore, string>();

/** The store's own name, taken from the key of its offer. */
async function nameOf(store: RedisStore): Promise<string> {
  const known = names.get(store);
  if (known !== undefined) return known;
  const [keys] = await tell(redis.url, ["KEYS", `${baseOf(prefix)}O*`]);
  const base = `${baseOf(prefix)}O`;
  const name = (keys as string[])
    .map((key) => key.slice(base.length))
    .find((one) => ![...names.values()].includes(one));
  if (name === undefined) throw new Error("The store offers nothing.");
  names.set(store, name);
  return name;
}
