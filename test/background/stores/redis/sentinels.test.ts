import { expect, test } from "vitest";
import type { Node } from "../../../../src/background/stores/redis/address.ts";
import type { Connection, Reply } from "../../../../src/background/stores/redis/connection.ts";
import { primaryOf } from "../../../../src/background/stores/redis/sentinels.ts";

const refused = (message: string) => () => Promise.reject(new Error(message));
const silent = () => new Promise<Reply>(() => {});

/** Asks sentinels, each with its own answer; also returns how many connections were closed. */
async function ask(...answers: readonly (() => Promise<Reply>)[]): Promise<{ primary: Node; closed: number }> {
  let closed = 0;
  const dial = async ({ port }: Node) => ({ send: answers[port], destroy: () => closed++ }) as unknown as Connection;
  const primary = await primaryOf(
    "main",
    answers.map((_, port) => ({ host: "sentinel", port })),
    dial,
  );
  return { primary, closed };
}

test("the first sentinel that answers says where the primary is, whatever the others do", async () => {
  const knowing = async () => ["10.0.0.1", "6379"];
  expect(await ask(silent, refused("ECONNREFUSED"), knowing)).toEqual({
    primary: { host: "10.0.0.1", port: 6379 },
    closed: 2,
  });
});

test("if no sentinel knows the primary, the error is what one of them answered, not that another is gone", async () => {
  await expect(ask(async () => null, refused("ECONNREFUSED"))).rejects.toThrow("no primary of the name main");
  await expect(ask(refused("ECONNREFUSED"))).rejects.toThrow("ECONNREFUSED");
});

test("sentinels with their own password are told apart from a primary that rejects the url's", async () => {
  await expect(ask(refused("NOAUTH Authentication required."), refused("ECONNREFUSED"))).rejects.toMatchObject({
    code: "queue_unavailable",
    message: expect.stringContaining("a login of their own"),
  });
});
