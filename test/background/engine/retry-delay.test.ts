import { expect, test } from "vitest";
import { RetryDelay } from "../../../src/background/engine/retry-delay.ts";

test("the delay between tries doubles from 100 ms to 5 s, half of it random, and starts over after a success", () => {
  const delay = new RetryDelay();
  const next = (random: number) => Array.from({ length: 8 }, () => delay.next(random));
  expect(next(0)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  delay.reset();
  expect(next(0.5)).toEqual([75, 150, 300, 600, 1_200, 2_400, 3_750, 3_750]);
});
