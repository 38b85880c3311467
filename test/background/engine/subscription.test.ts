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

test("a subscription ends ten seconds after it was last needed", async () => {
  const { clock, subscription, count } = scene();
  await subscription.need();
  subscription.release();
  await clock.advance(9_999);
  expect(count).toEqual({ begun: 1, ended: 0 });
  await clock.advance(1);
  expect(count).toEqual({ begun: 1, ended: 1 });
});

test("a subscription that is needed again within that time stays", async () => {
  const { clock, subscription, count } = scene();
  await subscription.need();
  subscription.release();
  await clock.advance("5s");
  await subscription.need();
  await clock.advance("1m");
  expect(count).toEqual({ begun: 1, ended: 0 });
});

test("a subscription that is needed after its end begins anew", async () => {
  const { subscription, count } = scene();
  await subscription.need();
  subscription.end();
  await subscription.need();
  expect(count).toEqual({ begun: 2, ended: 1 });
});

test("the time limit of an ended subscription does not end the next one", async () => {
  const { clock, subscription, count } = scene();
  await subscription.need();
  subscription.release();
  subscription.end();
  await subscription.need();
  await clock.advance("1m");
  expect(count).toEqual({ begun: 2, ended: 1 });
});

test("a subscription that could not begin is tried again when it is next needed", async () => {
  let calls = 0;
  const subscription = new Subscription(new ManualClock(), async () => {
    if (calls++ === 0) throw new Error("away");
    return () => {};
  });
  await expect(subscription.need()).rejects.toThrow("away");
  await subscription.need();
  expect(calls).toBe(2);
});
