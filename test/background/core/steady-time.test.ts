import { expect, test } from "vitest";
import { SteadyTime } from "../../../src/background/core/steady-time.ts";

test("time is ahead of the clock by as much as that was set back, and never behind, even if the clock moves between two reads", () => {
  let clock = 1_000;
  const time = new SteadyTime({ now: () => clock++ });
  expect(time.aheadMs()).toBe(0);
  clock = 500;
  expect(time.aheadMs()).toBe(499);
});
