import { expect, test } from "vitest";
import { ClaimedAttempts } from "../../../src/background/core/claimed-attempts.ts";
import { settlementOf } from "../../../src/background/core/outcome.ts";
import type { Settlement } from "../../../src/background/core/store.ts";

const completed = {
  to: "completed",
  result: "1",
  delayMs: null,
  isUncounted: false,
  isLoss: false,
  failure: null,
} as const;
const settlement = (id: string, token = "token") => settlementOf(id, token, completed, null);

/** Some attempts, and where each settlement goes: to a group, by the ids in it, or apart, by its place. */
function divide(attempts: Readonly<Record<string, string>>, settlements: readonly Settlement[]) {
  const claimed = new ClaimedAttempts((result) => result !== "odd");
  for (const [id, attempt] of Object.entries(attempts)) {
    const [token = "", kind = ""] = attempt.split(" ");
    claimed.add(id, { token, kind });
  }
  const { together, apart } = claimed.take(settlements);
  for (const { attempts: ended, ...group } of together) {
    expect(group.settlements).toEqual(group.places.map((place) => settlements[place]));
    expect(ended).toEqual(group.places.map(() => ({ token: group.token, kind: group.kind })));
  }
  return { together: together.map((group) => group.settlements.map(({ id }) => id)), apart };
}

test("settlements of the same claim and kind are carried out together, wherever they stand", () => {
  const attempts = { a: "one mail", b: "two mail", c: "one sms", d: "one mail", e: "two mail" };
  const settlements = [
    settlement("a", "one"),
    settlement("b", "two"),
    settlement("c", "one"),
    settlement("d", "one"),
    settlement("e", "two"),
  ];
  expect(divide(attempts, settlements)).toEqual({ together: [["a", "d"], ["b", "e"], ["c"]], apart: [] });
});

test.each<[string, Partial<Settlement>]>([
  ["of an attempt that is not known", { id: "unknown" }],
  ["under another token than the attempt's", { token: "other" }],
  ["that carries a report", { patch: { progress: null, logs: ["line"], usage: null } }],
  ["of a job that has not completed", { to: "failed" }],
  ["with a failure", { failure: { name: "Error", message: "no", stack: null } }],
  ["of an attempt that is not counted", { isUncounted: true }],
  ["of a lost attempt", { isLoss: true }],
  ["with a result that the store keeps in another way", { result: "odd" }],
])("a settlement %s is carried out apart", (_, own) => {
  const odd = { ...settlement("odd"), ...own };
  expect(
    divide({ a: "token mail", odd: "token mail", b: "token mail" }, [settlement("a"), odd, settlement("b")]),
  ).toEqual({ together: [["a", "b"]], apart: [1] });
});

test("all settlements are carried out apart, in their order, if two of the same job could swap places otherwise", () => {
  const attempts = { a: "token mail", b: "token mail" };
  const twice = [settlement("a"), settlement("b"), settlement("a")];
  expect(divide(attempts, twice)).toEqual({ together: [], apart: [0, 1, 2] });
  expect(divide(attempts, [settlement("a"), settlement("c"), settlement("c")])).toEqual({
    together: [["a"]],
    apart: [1, 2],
  });
});

test("a settlement of an attempt that was forgotten is carried out apart", () => {
  const claimed = new ClaimedAttempts(() => true);
  for (const id of ["a", "b"]) claimed.add(id, { token: "token", kind: "mail" });
  claimed.forget([{ id: "b" }, { id: "unknown" }]);
  expect(claimed.take([settlement("a"), settlement("b")])).toMatchObject({ together: [{ places: [0] }], apart: [1] });
});

test("at most ten thousand claimed attempts are remembered, since some are never settled", () => {
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
