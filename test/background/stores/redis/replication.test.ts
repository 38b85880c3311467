import { RedisQueue } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Connection, Reply } from "../../../../src/background/stores/redis/connection.ts";
import { Link } from "../../../../src/background/stores/redis/link.ts";
import { Replication } from "../../../../src/background/stores/redis/replication.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { storeOptions } from "../../../redis/options.ts";

/** Connects to one server after another, each with its answer about replicas, whenever the connection breaks. */
function servers(...answers: readonly (() => Promise<readonly Reply[]>)[]) {
  let connections = 0;
  let breakIt = (_error: unknown) => {};
  const connect = async (onBroken: (error: unknown) => void) => {
    const answer = answers[connections++] as () => Promise<readonly Reply[]>;
    breakIt = onBroken;
    const sendAll = () =>
      answer().catch((error) => {
        onBroken(error);
        throw error;
      });
    return { send: async () => null, sendAll, keepAlive: () => {}, destroy: () => {} } as unknown as Connection;
  };
  const given = [Object.assign(connect, { prepare: async () => {} }), "a server", "base:"] as const;
  const replication = new Replication(...given, 1, new Link(...given));
  const confirmed = async () => {
    const connection = await replication.connection();
    return replication.confirmed(connection, connection);
  };
  return { replication, confirmed, breakIt: () => breakIt(new Error("the connection broke")) };
}

const confirming = async () => ["OK", "", 1];

test("the replicas that confirm are counted", async () => {
  expect(await servers(confirming).confirmed()).toBe(1);
});

for (const said of ["the connection broke", "READONLY You can't write against a read only replica.", "MOVED 1 h:1"])
  test(`a server that replaces another is not asked about what that one acknowledged: ${said}`, async () => {
    const failing = async () => {
      throw new Error(said);
    };
    const { confirmed } = servers(failing, confirming);
    await expect(confirmed()).rejects.toMatchObject({ code: "queue_unavailable" });
    // It is asked about what it acknowledges itself.
    expect(await confirmed()).toBe(1);
  });

test("a server that replaces another is not asked if the connection broke before the question was sent", async () => {
  const { replication, confirmed, breakIt } = servers(confirming, confirming);
  const before = await replication.connection();
  breakIt();
  await expect(replication.confirmed(before, before)).rejects.toThrow("was lost before the replicas could be asked");
  // Nor is the question sent along with later ones.
  const [late, own] = await Promise.allSettled([replication.confirmed(before, before), confirmed()]);
  expect(late).toMatchObject({ status: "rejected" });
  expect(own).toMatchObject({ status: "fulfilled", value: 1 });
});

test("a call whose server was replaced does not wait for the answer of the new one", async () => {
  const { replication, breakIt } = servers(confirming, () => new Promise<never>(() => {}));
  const before = await replication.connection();
  breakIt();
  const late = replication.confirmed(before, before).catch((error) => error.message);
  const soon = new Promise((resolve) => setImmediate(resolve, "still waiting"));
  expect(await Promise.race([late, soon])).toContain("was lost before the replicas could be asked");
});

test("a server that replaces another is not asked if the connection broke while an earlier question was in flight", async () => {
  let isAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  let fail = (_error: Error) => {};
  const held = () => {
    isAsked();
    return new Promise<readonly Reply[]>((_, reject) => {
      fail = reject;
    });
  };
  const { replication, confirmed } = servers(held, confirming);
  const before = await replication.connection();
  const first = replication.confirmed(before, before);
  first.catch(() => {});
  await asked;
  const next = replication.confirmed(before, before);
  next.catch(() => {});
  fail(new Error("the connection broke"));
  await expect(first).rejects.toMatchObject({ code: "queue_unavailable" });
  const newer = confirmed();
  await expect(next).rejects.toThrow("was lost before the replicas could be asked");
  expect(await newer).toBe(1);
});

test("a call waits no longer for the replicas if an earlier question is under way when the server falls silent", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const silent = () => new Promise<never>(() => {});
  const { replication } = servers(silent, silent);
  const over = await replication.connection();
  const ended = async () => {
    await expect(replication.confirmed(over, over)).rejects.toThrow();
    return performance.now();
  };
  const startedAt = performance.now();
  const first = ended();
  await vi.advanceTimersByTimeAsync(0);
  const second = ended();
  await vi.advanceTimersByTimeAsync(10_000);
  for (const endedAt of await Promise.all([first, second])) expect(endedAt - startedAt).toBeLessThanOrEqual(2_500);
});

test("a call fails as soon as any other although it needs two connections", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  let connections = 0;
  const connect = async () => {
    await new Promise((resolve) => connections++ === 0 && setTimeout(resolve, 1_500));
    return { keepAlive: () => {}, destroy: () => {} } as unknown as Connection;
  };
  const prepared = Object.assign(connect, { prepare: async () => {} });
  const store = new RedisStore(storeOptions({ connect: prepared, prefix: "", replicas: 1 }));
  const startedAt = performance.now();
  const failing = expect(store.enqueue([])).rejects.toMatchObject({ code: "queue_unavailable" });
  const endedAt = failing.then(() => performance.now());
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await endedAt) - startedAt).toBeLessThanOrEqual(2_000);
});

test("the option replicas without durability: replicated is refused, not ignored", async () => {
  expect(() => new RedisQueue({ replicas: 2 })).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining('durability: "replicated"') }),
  );
  const queue = new RedisQueue({ replicas: 2, durability: "replicated", worker: false });
  await queue.close();
});
