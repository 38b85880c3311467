import { expect, test } from "vitest";
import { SteadyTime } from "../../../src/background/core/steady-time.ts";

test("time is ahead of the clock by what that was set back, and never behind, also when the clock goes on between two looks", () => {
  let clock = 1_000;
  const time = new SteadyTime({ now: () => clock++ });
  expect(time.aheadMs()).toBe(0);
  clock = 500;
  expect(time.aheadMs()).toBe(499);
});
