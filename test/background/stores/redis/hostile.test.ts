import { background, newJobId, RedisQueue } from "rapidai/background";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { shorten } from "../../../../src/background/stores/redis/short-id.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { FAILURE, idOf, OTHER_TASK, patchOf, Scene, TASK } from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";

const PREFIXES = [
  "",
  "}",
  "{",
  "{}",
  "{a}",
  "}{",
  "a{b}c",
  "%",
  "%7b%",
  "%7B%",
  "a:",
  "a",
  " ",
  "\n",
  "\0",
  "*",
  "[a-z]*?",
  "'; return redis.call('FLUSHALL') --",
  '"]]',
  "$(rm -rf /)",
  "\u00e9",
  "e\u0301",
  "🦊",
  "\ud83e",
  "\ufffd",
  "x".repeat(5_000),
];

const redis = ownRedis();
let client: ReturnType<typeof createClient>;
let prefixes = 0;

interface Place {
  readonly scene: Scene;
  /** The beginning of every key. */
  readonly base: string;
}

async function withPlace(use: (place: Place) => Promise<void>): Promise<void> {
  const prefix = `hostile:${prefixes++}:`;
  const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix }));
  await store.open();
  try {
    await use({ scene: new Scene(store, new HandClock()), base: baseOf(prefix) });
  } finally {
    await store.close();
  }
}

const send = (...command: readonly string[]) => client.sendCommand([...command]);
const keyOf = (base: string, n: number) => `${base}j${shorten(idOf(n))}`;

describe.skipIf(isWithoutRedis)("foreign data in Redis, and hostile names", () => {
  beforeAll(async () => {
    client = createClient({ url: redis.url });
    await client.connect();
  });
  afterAll(() => client.destroy());

  test("queues with different prefixes share nothing, and every key begins with the queue's prefix", async () => {
    await send("FLUSHALL");
    const queues = PREFIXES.map((prefix) => new RedisQueue({ url: redis.url, prefix }));
    const ids: string[] = [];
    for (const [n, queue] of queues.entries()) {
      const task = background({ name: "n", queue }, () => n);
      const id = await task.enqueue();
      ids.push(id);
      expect(await task.wait(id, { timeout: "5s" })).toMatchObject({ result: n });
      await task.enqueue(undefined, { delay: "1h" });
    }
    for (const [n, queue] of queues.entries()) {
      expect((await queue.counts()).byStatus, PREFIXES[n]).toMatchObject({ pending: 1, completed: 1 });
      for (const [m, id] of ids.entries()) expect((await queue.getResult(id))?.result ?? null).toBe(n === m ? n : null);
    }
    const escaped = (text: string) =>
      text.replace(/[{}%]|\p{Surrogate}/gu, (c) => `%${c.codePointAt(0)?.toString(16)}%`);
    for (const key of (await client.keys("*")) as string[]) {
      expect(PREFIXES.some((prefix) => key.startsWith(`${escaped(prefix)}{`))).toBe(true);
      expect(key.match(/\{/g)).toHaveLength(1);
    }
    await Promise.all(queues.map((queue) => queue.close()));
  });

  test("task names and ids with a meaning in Redis, Lua or keys are plain text", async () => {
    const queue = new RedisQueue({ url: redis.url, prefix: "names:" });
    const names = ["l", "j", "1", "r1:x", "a.b", "x-y", "KEYS", "__proto__", "constructor", "{}", "é", "n".repeat(128)];
    const accepted: string[] = [];
    for (const name of names) {
      try {
        background({ name, queue }, async (text: string) => text);
        accepted.push(name);
      } catch (error) {
        expect(error).toMatchObject({ name: "JobError" });
      }
    }
    expect(accepted.length).toBeGreaterThan(4);
    const ids = await Promise.all(accepted.map((name) => queue.enqueue(name, `'"\\${name}\0\n]]`)));
    for (const [n, id] of ids.entries())
      expect(await queue.wait(id, { timeout: "5s" })).toMatchObject({ result: `'"\\${accepted[n]}\0\n]]` });
    expect((await queue.counts()).byTask).toMatchObject(
      Object.fromEntries(accepted.map((name) => [name, expect.objectContaining({ completed: 1 })])),
    );
    const strange = ["", "x", "../..", "*", `${newJobId()} `, "\0", "j", "__proto__"];
    for (const id of strange) expect(await queue.getResult(id)).toBeNull();
    await queue.close();
  });

  const KINDS = {
    j: "a job",
    l: "a lane's line",
    w: "the waiting jobs",
    q: "the waiting jobs, by id",
    c: "the completed jobs",
    C: "the completed jobs, by time",
    t: "the tasks",
    v: "the versions",
    n: "the time",
    P: "the workers",
    G: "the workers, by time",
    F: "the failed jobs, by time",
    H: "the held jobs",
  };
  for (const [kind, what] of Object.entries(KINDS)) {
    test(`a key of another type in place of ${what} does no harm elsewhere, and work goes on once it is gone`, () =>
      withPlace(async ({ scene, base }) => {
        const named: Readonly<Record<string, string>> = { j: shorten(idOf(1)), l: TASK, w: TASK, q: TASK, c: TASK };
        const key = `${base}${kind}${named[kind] ?? ""}`;
        await (kind === "C" ? send("SET", key, "foreign") : send("RPUSH", key, "foreign"));
        const refusals: unknown[] = [];
        const attempt = async <T>(call: () => Promise<T>) => {
          try {
            return await call();
          } catch (error) {
            refusals.push(error);
            return null;
          }
        };
        const cycle = async () => {
          await attempt(() => scene.add([1, 2]));
          const claimed = await attempt(() => scene.claim());
          const token = scene.newToken();
          for (const { id } of claimed?.jobs ?? []) await attempt(() => scene.settle({ id, token }));
          await attempt(() => scene.list());
          await attempt(() => scene.store.count());
          await attempt(() => scene.store.next([TASK]));
          await attempt(() => scene.prune({ completed: { ageMs: 0, count: 0 } }));
        };
        await cycle();
        for (const refusal of refusals) expect(refusal).toMatchObject({ name: "JobError", code: "queue_unavailable" });
        // A foreign key is not touched, unless it is in the place of that job's record.
        const isStillThere = Number(await send("EXISTS", key)) === 1;
        if (isStillThere && kind !== "j") expect(await send("TYPE", key)).toBe(kind === "C" ? "string" : "list");
        await send("DEL", key);
        await scene.add([7]);
        const ids = (await scene.claim({ leaseMs: 1 })).jobs.map(({ id }) => id);
        expect(ids).toContain(idOf(7));
      }));
  }

  for (const [letter, what] of Object.entries({ h: "notes", a: "past attempts", g: "log lines" }))
    test(`a key of another type in place of a job's ${what} stops neither the job nor others`, () =>
      withPlace(async ({ scene, base }) => {
        const report = {
          progress: { fraction: 0.5, done: null, total: null, message: null },
          usage: { inputTokens: 1, outputTokens: 2, cost: null },
          logs: ["at it"],
        };
        const held = await scene.start(1);
        await scene.beat(held, report);
        await scene.settle(held, { to: "pending", failure: FAILURE, delayMs: 0 });
        const key = `${base}${letter}${shorten(idOf(1))}`;
        expect(await send("DEL", key)).toBe(1);
        await send("SET", key, "foreign");
        await scene.add([2]);
        const token = scene.newToken();
        expect(await scene.take({ token, leaseMs: 1 })).toEqual([1, 2].map(idOf));
        const again = { id: idOf(1), token };
        expect(await scene.beat(again, report, 1)).toBe("held");
        await new Promise((resolve) => setTimeout(resolve, 20));
        const lost = await scene.claim({ lostLimit: 10, limit: 0 });
        expect(lost.jobs.map(({ id }) => id).toSorted()).toEqual([1, 2].map(idOf));
        expect(await scene.record(idOf(1))).toMatchObject({ status: "running" });
        expect(await scene.list()).toEqual([2, 1].map(idOf));
        expect(await scene.cancel(idOf(1), "somebody")).toBe(true);
        expect(await scene.retry(idOf(1))).toBe(true);
        await scene.settle(await scene.takeOne(), { to: "failed", failure: FAILURE, patch: patchOf(report) });
        expect(await scene.record(idOf(1))).toMatchObject({ status: "failed" });
        expect(await scene.prune({ failed: { ageMs: null, count: 0 } })).toBe(1);
        expect(await client.keys(`${base}?${shorten(idOf(1))}`)).toEqual([]);
      }));

  test("a key of another type in place of a job's payload stops no other job, whether they are new or lost", () =>
    withPlace(async ({ scene, base }) => {
      const spoil = async (n: number) => {
        await send("DEL", `${base}p${shorten(idOf(n))}`);
        await send("RPUSH", `${base}p${shorten(idOf(n))}`, "foreign");
      };
      await scene.add([1, 2, 3], { payload: JSON.stringify("x".repeat(1_000)) });
      await spoil(2);
      expect(await scene.record(idOf(2))).toMatchObject({ payload: "" });
      expect(await scene.take({ leaseMs: 1 })).toEqual([1, 3].map(idOf));
      await spoil(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await scene.take({ lostLimit: 10 })).toEqual([idOf(3)]);
    }));

  test("a key of another type in place of a job's result leaves it completed, without one", () =>
    withPlace(async ({ scene, base }) => {
      await scene.settle(await scene.start(1), { result: JSON.stringify("x".repeat(1_000)) });
      await send("DEL", `${base}o${shorten(idOf(1))}`);
      await send("RPUSH", `${base}o${shorten(idOf(1))}`, "foreign");
      expect(await scene.record(idOf(1))).toMatchObject({ status: "completed", result: null });
      expect(await scene.list()).toEqual([idOf(1)]);
    }));

  test("a key of another type in place of a job's record is a conflict for that job alone", () =>
    withPlace(async ({ scene, base }) => {
      await send("RPUSH", keyOf(base, 1), "foreign");
      expect(await scene.add([1, 2])).toEqual(["conflict", "stored"]);
      expect(await scene.take()).toEqual([idOf(2)]);
    }));

  for (const [kind, what] of Object.entries({ H: "the held jobs", [`c${TASK}`]: "the completed jobs" }))
    test(`a key of another type in place of ${what} keeps nobody from asking for a job`, () =>
      withPlace(async ({ scene, base }) => {
        await scene.start(1);
        await send("RPUSH", `${base}${kind}`, "foreign");
        expect(await scene.find(idOf(1), 1_000)).toMatchObject({ status: "running" });
      }));

  test("a latest time that no queue wrote is ignored", () =>
    withPlace(async ({ scene, base }) => {
      const long = "9".repeat(16);
      for (const text of [
        "junk",
        "",
        "-1",
        "1e300",
        long,
        `1 ${long} 1`,
        `9999999999999 ${long} 1`,
        `9999999999999 1 ${long}`,
      ]) {
        await send("SET", `${base}n`, text);
        expect(Math.abs((await scene.store.count()).at - Date.now()), text).toBeLessThan(60_000);
        await send("SET", `${base}n`, text);
        await scene.add([1]);
      }
      expect(await scene.take()).toEqual([idOf(1)]);
    }));

  test("a worker is listed even if what it reported about itself cannot be read", () =>
    withPlace(async ({ scene, base }) => {
      await send("ZADD", `${base}G`, "9000000000000000", "somebody");
      await send("HSET", `${base}P`, "somebody", "junk");
      expect((await scene.store.count()).workers).toMatchObject([{ id: "somebody", tasks: [], slots: 0 }]);
    }));

  test("a key of another type in place of the waiting workers costs no claim its jobs", () =>
    withPlace(async ({ scene, base }) => {
      const unsubscribe = await scene.store.subscribe("ready", () => {});
      const waiting = `${base}i${TASK}`;
      await send("RPUSH", waiting, "foreign");
      await scene.add([1, 2]);
      expect(await scene.take({ limit: 1 })).toEqual([idOf(1)]);
      expect(await scene.take()).toEqual([idOf(2)]);
      expect(await send("TYPE", waiting)).toBe("list");
      unsubscribe();
    }));

  /** Rewrites a record from its lines, which come without their ends. */
  const rewrite =
    (change: (head: string, plan: string, payload: string) => string) =>
    async (key: string): Promise<void> => {
      const [head = "", plan = "", payload = ""] = String(await send("GET", key)).split("\n");
      await send("SET", key, change(head, plan, payload));
    };
  const DAMAGES: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
    "is gone": (key) => send("DEL", key),
    "is a hash": async (key) => {
      await send("DEL", key);
      await send("HSET", key, "what", "?");
    },
    "is another text": (key) => send("SET", key, "what?"),
    "is empty": (key) => send("SET", key, ""),
    "has only empty lines": (key) => send("SET", key, "\n\n\n\n"),
    "has no head": rewrite((_head, plan, payload) => `${plan}\n${payload}`),
    "has a head of too few words": rewrite((head, plan, payload) => `${head.split(" ")[0]} 0\n${plan}\n${payload}`),
    "has no plan": rewrite((head, _plan, payload) => `${head}\n\n${payload}`),
    "has no payload": rewrite((head, plan) => `${head}\n${plan}\n`),
    "ends within its plan": rewrite((head, plan) => `${head}\n${plan}`),
    "has an invalid plan": rewrite((head, _plan, payload) => `${head}\none two\n${payload}`),
    "has more in its plan than there may be": rewrite((head, plan, payload) => `${head}\n${plan} more\n${payload}`),
    "has too long a plan": rewrite((head, plan, payload) => `${head}\n${plan} t${"x".repeat(5_000)}\n${payload}`),
    "names no task": rewrite((_head, plan, payload) => `n\n${plan}\n${payload}`),
    "has a plan with too large a number": rewrite(
      (head, _plan, payload) => `${head}\n${"9".repeat(400)} 3\n${payload}`,
    ),
    "has invalid attempts": rewrite((_head, plan, p) => `p 0 - - -1 NaN inf  ${TASK}\n${plan}\n${p}`),
    "has too many attempts": rewrite((_head, plan, p) => `p 0 - - ${"9".repeat(400)} 0 0  ${TASK}\n${plan}\n${p}`),
    "has an invalid status": rewrite((head, plan, payload) => `?${head.slice(1)}\n${plan}\n${payload}`),
    "has a task of bytes": rewrite((head, plan, payload) => `${head.replace(TASK, "\0 x y z")}\n${plan}\n${payload}`),
  };
  /** What looks like a record of ours is taken for one, at least of a job that was never claimed. */
  const READABLE = ["has a head of too few words", "has a task of bytes"];
  for (const [what, damage] of Object.entries(DAMAGES)) {
    test(`a waiting job whose record ${what} is set aside, and does not hold up others`, () =>
      withPlace(async ({ scene, base }) => {
        await scene.add([1, 2, 3]);
        await scene.add([4], { delayMs: 1 });
        await damage(keyOf(base, 2));
        await new Promise((resolve) => setTimeout(resolve, 20));
        const taken: string[] = [];
        for (let claims = 0; claims < 3; claims++) taken.push(...(await scene.take()));
        expect(taken.filter((id) => id !== idOf(2))).toEqual([1, 3, 4].map(idOf));
        // Once set aside, it no longer counts as due work.
        expect((await scene.claim()).nextDueMs).toBeNull();
        expect(taken.includes(idOf(2))).toBe(READABLE.includes(what));
        if (taken.includes(idOf(2)) || (await client.type(keyOf(base, 2))) !== "string") return;
        expect(await scene.list({ status: "failed" })).toEqual([idOf(2)]);
        expect(await scene.record(idOf(2))).toMatchObject({ past: [{ message: expect.stringContaining("damaged") }] });
        expect((await scene.store.count()).tasks.get(TASK)).toMatchObject({ pending: 0, running: 3, failed: 1 });
      }));

    test(`a waiting job whose record ${what} is no longer pending once it was set aside, whichever its lane`, () =>
      withPlace(async ({ scene, base }) => {
        for (const delayMs of [0, 1]) await scene.add([1 + delayMs, 3 + delayMs], { lane: "urgent", delayMs });
        for (const n of [1, 2]) await damage(keyOf(base, n));
        await new Promise((resolve) => setTimeout(resolve, 20));
        const lanes = [{ lane: "urgent", limit: 10 }];
        const taken = await scene.take({ lanes });
        expect(taken.filter((id) => id > idOf(2))).toEqual([3, 4].map(idOf));
        expect((await scene.claim({ lanes })).nextDueMs).toBeNull();
        if (READABLE.includes(what)) return;
        expect((await scene.store.count()).tasks.get(TASK)).toMatchObject({ pending: 0, running: 2 });
        const isKept = (await client.type(keyOf(base, 1))) === "string";
        expect(await scene.list()).toEqual((isKept ? [4, 3, 2, 1] : [4, 3]).map(idOf));
      }));

    test(`a running job whose record ${what} keeps no call from its other jobs`, () =>
      withPlace(async ({ scene, base }) => {
        const first = await scene.start(1);
        const second = await scene.start(2);
        await scene.start(3);
        await damage(keyOf(base, 1));
        const worker = { id: "worker-1", tasks: [TASK], slots: 10, concurrency: {}, version: "0.1.0" };
        const patch = patchOf({ logs: ["at it"] });
        const beats = [first, second].map((held) => ({ ...held, patch }));
        const held = await scene.store.heartbeat({ worker, presenceMs: 1_000, leaseMs: 1_000, beats });
        expect(held[1]).toBe("held");
        const retried = { to: "pending", failure: FAILURE, isLoss: true, patch } as const;
        const answers = await scene.store.settle([first, second].map((one) => scene.settlement(one, retried)));
        expect(answers[1]).toBe("settled");
        const requests = [1, 3].map((n) => ({ id: idOf(n), task: null, by: "somebody" }));
        expect((await scene.store.cancel(requests))[1]).toBe(true);
        expect((await scene.store.retry(requests))[1]).toBe(true);
        expect((await scene.list()).filter((id) => id !== idOf(1))).toEqual([3, 2].map(idOf));
      }));

    test(`a running job whose record ${what} is set aside when its lease has expired`, () =>
      withPlace(async ({ scene, base }) => {
        await scene.start(1, {}, { leaseMs: 1 });
        await scene.start(2, {}, { leaseMs: 1 });
        await damage(keyOf(base, 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        const taken: string[] = [];
        for (let claims = 0; claims < 3; claims++) taken.push(...(await scene.take({ lostLimit: 10 })));
        expect(taken.filter((id) => id !== idOf(1))).toEqual([idOf(2)]);
        if (taken.includes(idOf(1)) || (await client.type(keyOf(base, 1))) !== "string") return;
        expect(await scene.list({ status: "failed", task: TASK })).toEqual([idOf(1)]);
        expect([...(await scene.store.count()).tasks.keys()]).toEqual([TASK]);
      }));
  }

  test("a page is as long as it may be, even if the record of a job on it was deleted", () =>
    withPlace(async ({ scene, base }) => {
      await scene.add([1, 2, 3, 4, 5]);
      await send("DEL", keyOf(base, 4));
      expect(await scene.list({ limit: 3 })).toEqual([5, 3, 2].map(idOf));
    }));

  test("a damaged job remains its task's, and as old as it is, if its record still says so", () =>
    withPlace(async ({ scene, base }) => {
      await scene.add([1], { lane: "urgent" });
      const { createdAt } = await scene.record(idOf(1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      await rewrite((head, plan) => `${head}\n${plan}\n`)(keyOf(base, 1));
      expect(await scene.take({ lanes: [{ lane: "urgent", limit: 1 }] })).toEqual([]);
      expect(await scene.list({ status: "failed", task: TASK })).toEqual([idOf(1)]);
      expect(await scene.record(idOf(1))).toMatchObject({ status: "failed", task: TASK, createdAt });
    }));

  test("a damaged job whose task is unknown becomes one of its lane's", () =>
    withPlace(async ({ scene, base }) => {
      await scene.add([1]);
      await scene.add([2], { task: OTHER_TASK });
      await send("SET", keyOf(base, 2), "what?");
      const lanes = [TASK, OTHER_TASK].map((lane) => ({ lane, limit: 1 }));
      expect(await scene.take({ lanes })).toEqual([idOf(1)]);
      expect(await scene.list({ status: "failed", task: OTHER_TASK })).toEqual([idOf(2)]);
    }));

  test("a job that an index lists although its record says otherwise stays as it is", () =>
    withPlace(async ({ scene, base }) => {
      await scene.start(1);
      for (const [n, to] of (["completed", "failed", "cancelled"] as const).entries()) await scene.finish(2 + n, to);
      const before = await scene.store.get([1, 2, 3, 4].map(idOf), { isDetailed: true, holdMs: 0 });
      for (const index of ["l", "w", "q"])
        for (const n of [1, 2, 3, 4]) await send("ZADD", `${base}${index}${TASK}`, "0", shorten(idOf(n)));
      await scene.add([5], { delayMs: 60_000 });
      for (const member of [shorten(idOf(5)), `${shorten(idOf(3))}token`])
        await send("ZADD", `${base}r1:${TASK}`, "1", member);
      await send("SET", `${base}e`, "1");
      for (let claims = 0; claims < 3; claims++) expect(await scene.take({ lostLimit: 10 })).toEqual([]);
      expect(await scene.store.get([1, 2, 3, 4].map(idOf), { isDetailed: true, holdMs: 0 })).toEqual(before);
      expect(await scene.record(idOf(5))).toMatchObject({ status: "pending" });
      expect((await scene.store.count()).tasks.get(TASK)).toMatchObject({ pending: 1, running: 1, failed: 1 });
    }));

  test("a running job whose record was damaged keeps its log lines until it is pruned", () =>
    withPlace(async ({ scene, base }) => {
      const held = await scene.start(1, {}, { leaseMs: 1 });
      await scene.beat(
        held,
        { logs: ["at it"], progress: { fraction: 0.5, done: null, total: null, message: null } },
        1,
      );
      await send("SET", keyOf(base, 1), "what?");
      await new Promise((resolve) => setTimeout(resolve, 20));
      await scene.take({ lostLimit: 10 });
      expect(await scene.record(idOf(1))).toMatchObject({ status: "failed", progress: null, logs: ["at it"] });
      expect(await scene.prune({ failed: { ageMs: null, count: 0 } })).toBe(1);
      expect(await client.keys(`${base}?${shorten(idOf(1))}`)).toEqual([]);
    }));

  for (const how of ["completed", "failed", "cancelled", "running, then completed"] as const) {
    test(`a ${how} job whose record was deleted leaves counts and keys when jobs are pruned`, () =>
      withPlace(async ({ scene, base }) => {
        const remove = () => send("DEL", keyOf(base, 1));
        if (how === "running, then completed") {
          const usage = { inputTokens: 1, outputTokens: 2, cost: null };
          const retried = { to: "pending", failure: FAILURE, patch: patchOf({ usage, logs: ["at it"] }) } as const;
          await scene.settle(await scene.start(1, { payload: "x".repeat(1_000) }), retried);
          const held = await scene.takeOne();
          await remove();
          await scene.settle(held, { result: "y".repeat(1_000) });
        } else {
          await scene.finish(1, how);
          await remove();
        }
        await scene.finish(2, "completed", { task: OTHER_TASK, lane: OTHER_TASK });
        const none = { ageMs: null, count: 0 };
        expect(await scene.prune({ completed: none, failed: none })).toBe(2);
        expect([...(await scene.store.count()).tasks]).toEqual([]);
        expect(await client.keys(`${base}[tcfxrpohag]*`)).toEqual([]);
      }));
  }

  test("a completed job whose task's index was deleted leaves nothing behind when it is pruned", () =>
    withPlace(async ({ scene, base }) => {
      await scene.settle(await scene.start(1), { result: "x".repeat(1_000) });
      await send("DEL", `${base}c${TASK}`);
      expect(await scene.prune({ completed: { ageMs: null, count: 0 } })).toBe(1);
      expect(await client.keys(`${base}[tcfxCpohag]*`)).toEqual([]);
    }));

  const UNDATED: Readonly<Record<string, (base: string) => Promise<unknown>>> = {
    "record was deleted": (base) => send("DEL", keyOf(base, 1)),
    "outcome was overwritten": async (base) => {
      await send("DEL", `${base}c${TASK}`);
      await send("ZADD", `${base}c${TASK}`, "0", `${shorten(idOf(1))}-what?`);
    },
  };
  for (const [what, undated] of Object.entries(UNDATED))
    test(`a completed job whose ${what} counts as old when jobs are pruned`, () =>
      withPlace(async ({ scene, base }) => {
        await scene.finish(1, "completed");
        await undated(base);
        expect(await scene.prune({ completed: { ageMs: 60_000, count: null } })).toBe(1);
        expect(await client.keys(`${base}[tcfxCpohag]*`)).toEqual([]);
      }));

  test("jobs are pruned even if the known versions were deleted", () =>
    withPlace(async ({ scene, base }) => {
      await scene.finish(1, "completed");
      await scene.finish(2, "failed", { task: OTHER_TASK, lane: OTHER_TASK });
      await send("DEL", `${base}v`);
      const none = { ageMs: null, count: 0 };
      expect(await scene.prune({ completed: none, failed: none })).toBe(2);
      expect(await client.keys(`${base}[tcfxpohag]*`)).toEqual([]);
    }));

  test("a failed job whose record was cut off leaves nothing behind when it is pruned", () =>
    withPlace(async ({ scene, base }) => {
      await scene.finish(1, "failed", { payload: "x".repeat(1_000) });
      await rewrite((head, plan) => `${head}\n${plan.slice(0, 3)}`)(keyOf(base, 1));
      expect(await scene.prune({ failed: { ageMs: null, count: 0 } })).toBe(1);
      expect(await client.keys(`${base}?${shorten(idOf(1))}`)).toEqual([]);
    }));

  test("a running job whose record was deleted leaves nothing behind once its lease has expired", () =>
    withPlace(async ({ scene, base }) => {
      const held = await scene.start(1, { payload: "x".repeat(1_000) }, { leaseMs: 1 });
      await scene.beat(held, { logs: ["at it"] }, 1);
      await send("DEL", keyOf(base, 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await scene.take({ lostLimit: 10 })).toEqual([]);
      expect(await client.keys(`${base}[lwqpohag]*`)).toEqual([]);
      expect([...(await scene.store.count()).tasks]).toEqual([]);
    }));

  test("a lease that belongs to no attempt is removed, and the job goes on", () =>
    withPlace(async ({ scene, base }) => {
      const held = await scene.start(1);
      const strange = [`${shorten(idOf(1))}another`, `${shorten(idOf(2))}of-no-job`, "short", ""];
      for (const member of strange) await send("ZADD", `${base}r1:${TASK}`, "1", member);
      await send("SET", `${base}e`, "1");
      expect(await scene.take({ lostLimit: 10 })).toEqual([]);
      expect(await send("ZCARD", `${base}r1:${TASK}`)).toBe(2);
      expect(await scene.settle(held)).toBe("settled");
      expect(await scene.list({ status: "failed" })).toEqual([]);
    }));
});
