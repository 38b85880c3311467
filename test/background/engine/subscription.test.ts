import { ManualClock } from "rapidai/testing";
import { expect, test } from "vitest";
import { Subscription } from "../../../src/background/engine/subscription.ts";

function scene() {
  const clock = new ManualClock();
  const count = { begun: 0, ended: 0 };
  const subscription = new Subscription(clock, async () => {
    count.begun++;
    return () => count.ended++;
  });
  return { clock, subscription, count };
}

test("one that was needed is there for ten seconds more, and then no longer", async () => {
  const { clock, subscription, count } = scene();
  await subscription.need();
  subscription.release();
  await clock.advance(9_999);
  expect(count).toEqual({ begun: 1, ended: 0 });
  await clock.advance(1);
  expect(count).toEqual({ begun: 1, ended: 1 });
});

test("who needs it meanwhile has the same one, and it stays", async () => {
  const { clock, subscription, count } = scene();
  await subscription.need();
  subscription.release();
  await clock.advance("5s");
  await subscription.need();
  await clock.advance("1m");
  expect(count).toEqual({ begun: 1, ended: 0 });
});

test("who needs it when it has ended has a new one", async () => {
  const { subscription, count } = scene();
  await subscription.need();
  subscription.end();
  await subscription.need();
  expect(count).toEqual({ begun: 2, ended: 1 });
});

test("what ended is not ended again by its time", async () => {
  const { clock, subscription, count } = scene();
  await subscription.need();
  subscription.release();
  subscription.end();
  await subscription.need();
  await clock.advance("1m");
  expect(count).toEqual({ begun: 2, ended: 1 });
});

test("one that could not be made is tried anew", async () => {
  let calls = 0;
  const subscription = new Subscription(new ManualClock(), async () => {
    if (calls++ === 0) throw new Error("away");
    return () => {};
  });
  await expect(subscription.need()).rejects.toThrow("away");
  await subscription.need();
  expect(calls).toBe(2);
});
