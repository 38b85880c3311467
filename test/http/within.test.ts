import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { within } from "../../src/http/within.ts";

test.each([30, 200])("an answer that came while this process stood still, for %i ms, is in time", async (forMs) => {
  const { port1, port2 } = new MessageChannel();
  const answered = once(port2, "message").then(() => "the answer");
  const asked = within(10, answered);
  port1.postMessage(null);
  // Timers come first when it goes on, and then what there is to read.
  for (const goesOnAt = performance.now() + forMs; performance.now() < goesOnAt; );
  expect(await asked).toBe("the answer");
  port1.close();
});

test("what is promised is told as it is, and what comes too late is handed over to be let go", async () => {
  expect(await within(60_000, Promise.resolve(7))).toBe(7);
  const away = new Error("away");
  await expect(within(60_000, Promise.reject(away))).rejects.toBe(away);
  const late: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  await expect(within(1, promise, (text) => late.push(text))).rejects.toMatchObject({ status: 503, code: "timeout" });
  resolve("too late");
  await promise;
  expect(late).toEqual(["too late"]);
  const { promise: failing, reject } = Promise.withResolvers<string>();
  await expect(within(1, failing)).rejects.toMatchObject({ status: 503 });
  reject(away);
});
