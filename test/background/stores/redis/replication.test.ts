import { RedisQueue } from "rapidai/background";
import { expect, test } from "vitest";
import type { Connect, Connection, Reply } from "../../../../src/background/stores/redis/client.ts";
import { Replication } from "../../../../src/background/stores/redis/replication.ts";

/** Connects to one server after the other, each with what it answers to a question. */
function servers(...answers: readonly (() => Promise<readonly Reply[]>)[]): Connect {
  let connections = 0;
  const connect = async (onBroken: (error: unknown) => void) => {
    const answer = answers[connections++] as () => Promise<readonly Reply[]>;
    const sendAll = () =>
      answer().catch((error) => {
        onBroken(error);
        throw error;
      });
    return { sendAll, hold: () => {}, destroy: () => {} } as unknown as Connection;
  };
  return Object.assign(connect, { prepare: async () => {} });
}

const confirming = async () => ["OK", 1];

test("replicas are asked for, and one that confirms counts", async () => {
  const replication = new Replication(servers(confirming), "a server", "base:", 1);
  expect(await replication.confirmed()).toBe(1);
});

for (const said of ["the connection broke", "READONLY You can't write against a read only replica.", "MOVED 1 h:1"])
  test(`a server that takes the place of another is not asked for what that one acknowledged: ${said}`, async () => {
    const failing = async () => {
      throw new Error(said);
    };
    const replication = new Replication(servers(failing, confirming), "a server", "base:", 1);
    await expect(replication.confirmed()).rejects.toMatchObject({ code: "queue_unavailable" });
    // It is asked for what it acknowledges itself.
    expect(await replication.confirmed()).toBe(1);
  });

test("replicas that nothing would wait for are refused, and not ignored", async () => {
  expect(() => new RedisQueue({ replicas: 2 })).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining('durability: "replicated"') }),
  );
  const queue = new RedisQueue({ replicas: 2, durability: "replicated", worker: false });
  await queue.close();
});
