import { expect, test } from "vitest";
import { ClaimedAttempts } from "../../../src/background/core/claimed-attempts.ts";
import { settlementOf } from "../../../src/background/core/outcome.ts";

const completed = {
  to: "completed",
  result: "1",
  delayMs: null,
  isUncounted: false,
  isLoss: false,
  failure: null,
} as const;
const settlement = (id: string) => settlementOf(id, "token", completed, null);

test("at most ten thousand claimed attempts are remembered, since some are never settled here", () => {
  const claimed = new ClaimedAttempts(() => true);
  const add = (n: number) => claimed.add(`${n}`, { token: "token", kind: "mail" });
  for (let n = 0; n < 10_000; n++) add(n);
  expect(claimed.take([settlement("0"), settlement("1")])).toMatchObject({
    together: [{ places: [0, 1] }],
    apart: [],
  });
  for (let n = 10_000; n < 10_003; n++) add(n);
  // Forgotten attempts are settled one by one.
  expect(claimed.take([settlement("2"), settlement("10002")])).toMatchObject({
    together: [{ places: [1] }],
    apart: [0],
  });
});
