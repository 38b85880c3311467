import { setTimeout as pause } from "node:timers/promises";
import { DisconnectsClientError } from "redis";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Connect, Reply } from "../../../../src/background/stores/redis/connection.ts";
import { Link } from "../../../../src/background/stores/redis/link.ts";

const WITHIN_MS = 20;

/** A link to a server that answers as the test says; `meanwhile` runs while it connects, `given` counts connections given up. */
function linkTo(
  answer: () => Promise<Reply>,
  meanwhile: () => void | Promise<void> = () => {},
): { readonly link: Link; readonly given: () => number } {
  let given = 0;
  const connect: Connect = Object.assign(
    async () => {
      await meanwhile();
      return {
        send: answer,
        sendAll: async () => [],
        subscribe: async () => {},
        unsubscribe: async () => {},
        keepAlive: () => {},
        destroy: () => given++,
      };
    },
    { prepare: async () => {} },
  );
  return { link: new Link(connect, "here", "base:"), given: () => given };
}

const ask = (link: Link) => link.command(["GET", "base:"], { isRepeatable: false, withinMs: WITHIN_MS });
const turn = () => new Promise((resolve) => setImmediate(resolve));
const standStill = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20 * WITHIN_MS);

test("an answer that came while the process was blocked is read before the server is reported as silent", async () => {
  const { link, given } = linkTo(async () => {
    // Not in the first turn, in which the timeout is noticed.
    await turn();
    await turn();
    return "there";
  });
  await link.connection({ isRepeatable: true, withinMs: 1_000 });
  const asked = ask(link);
  await Promise.resolve();
  standStill();
  expect(await asked).toBe("there");
  expect(given()).toBe(0);
});

test("a server that did not answer while the process was blocked is still reported as silent", async () => {
  const { link, given } = linkTo(() => new Promise(() => {}));
  await link.connection({ isRepeatable: true, withinMs: 1_000 });
  const asked = expect(ask(link)).rejects.toMatchObject({
    code: "queue_unavailable",
    message: `Redis at here is silent: it did not answer within ${WITHIN_MS} ms.`,
  });
  await Promise.resolve();
  standStill();
  await asked;
  expect(given()).toBe(1);
});

test("a call whose time was used up by connecting is answered all the same, and the connection is kept", async () => {
  const { link, given } = linkTo(() => pause(WITHIN_MS, "there"), standStill);
  expect(await ask(link)).toBe("there");
  expect(given()).toBe(0);
});

test("what setting up a client takes of a busy process does not count against the server", async () => {
  const { link } = linkTo(
    async () => "there",
    () => {
      standStill();
      return pause(WITHIN_MS / 2);
    },
  );
  expect(await ask(link)).toBe("there");
});

test("a connection that timed out while the process was blocked is tried once more", async () => {
  let tries = 0;
  const { link } = linkTo(
    async () => "there",
    () => {
      if (++tries > 1) return;
      standStill();
      throw new Error("Connection timeout");
    },
  );
  expect(await ask(link)).toBe("there");
});

test("a call whose connection breaks after the call's time is over is not sent again, however late it was connected", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  let sent = 0;
  const { link } = linkTo(async () => {
    sent++;
    await new Promise((resolve) => setTimeout(resolve, 200));
    throw new Error("broken");
  });
  const asked = expect(link.command(["GET", "base:"], { isRepeatable: true, withinMs: WITHIN_MS })).rejects.toThrow(
    "broken",
  );
  await vi.advanceTimersByTimeAsync(2_000);
  await asked;
  expect(sent).toBe(1);
});

test("a call whose connection breaks says why it broke, not only that it was given up", async () => {
  let breakWith = (_error: Error) => {};
  let giveUp = (_error: Error) => {};
  const connect: Connect = Object.assign(
    async (onBroken: (error: unknown) => void) => {
      breakWith = onBroken;
      return {
        send: () => new Promise<Reply>((_, reject) => (giveUp = reject)),
        sendAll: async () => [],
        subscribe: async () => {},
        unsubscribe: async () => {},
        keepAlive: () => {},
        destroy: () => {
          giveUp(new DisconnectsClientError());
          const end = breakWith;
          breakWith = () => {};
          end(new Error("the connection was closed"));
        },
      };
    },
    { prepare: async () => {} },
  );
  const link = new Link(connect, "here", "base:");
  const asked = async () => {
    await link.connection({ isRepeatable: true, withinMs: 1_000 });
    return link.command(["GET", "base:"], { isRepeatable: false, withinMs: 1_000 }).catch(({ message }) => message);
  };
  const broken = asked();
  await turn();
  breakWith(new Error("read ECONNRESET"));
  expect(await broken).toBe("Redis at here cannot be reached: read ECONNRESET. Is it running, and without TLS?");
  const dropped = asked();
  await turn();
  link.discard(await link.connection({ isRepeatable: true, withinMs: 1_000 }));
  expect(await dropped).toMatch(/another call found it silent/);
});
