import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Usage } from "../../../src/background/core/store.ts";
import { addUsage, readUsage, usageOf } from "../../../src/background/core/usage.ts";

const tokens = fc.nat();
// Whole cents, which add up without rounding.
const usage = fc.record({ inputTokens: tokens, outputTokens: tokens, cost: fc.option(fc.nat(), { nil: null }) });

describe("usage", () => {
  test("adds up in any order, and its cost is null once that of one call is", () => {
    fc.assert(
      fc.property(fc.array(usage, { minLength: 1 }), (calls) => {
        const sumOf = (each: readonly Usage[]) => each.reduce<Usage | null>(addUsage, null);
        const sum = sumOf(calls);
        expect(sumOf(calls.toReversed())).toEqual(sum);
        expect(sum?.inputTokens).toBe(calls.reduce((total, { inputTokens }) => total + inputTokens, 0));
        expect(sum?.outputTokens).toBe(calls.reduce((total, { outputTokens }) => total + outputTokens, 0));
        const isPriced = calls.every(({ cost }) => cost !== null);
        expect(sum?.cost).toBe(isPriced ? calls.reduce((total, { cost }) => total + Number(cost), 0) : null);
      }),
    );
  });

  test.each([
    undefined,
    null,
    7,
    {},
    { inputTokens: 1, outputTokens: 1 },
    { inputTokens: -1, outputTokens: 1, cost: 0 },
    { inputTokens: 1.5, outputTokens: 1, cost: 0 },
    { inputTokens: 1, outputTokens: Number.NaN, cost: 0 },
    { inputTokens: "1", outputTokens: 1, cost: 0 },
    { inputTokens: 1n, outputTokens: 1, cost: 0 },
    { inputTokens: 1, outputTokens: 1, cost: -0.5 },
    { inputTokens: 1, outputTokens: 1, cost: Number.POSITIVE_INFINITY },
  ])("%o is not usage", (given) => {
    expect(() => usageOf(given as never)).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("inputTokens") }),
    );
  });

  test("can be of no tokens that cost nothing, as of an answer from a cache", () => {
    const none = { inputTokens: 0, outputTokens: 0, cost: 0 };
    expect(usageOf(none)).toEqual(none);
  });

  test("is kept without other properties of the object", () => {
    const given = { inputTokens: 1, outputTokens: 2, cost: null, secret: "key" };
    expect(usageOf(given)).toEqual({ inputTokens: 1, outputTokens: 2, cost: null });
  });

  test("that was stored is read as it was, and foreign data is no usage", () => {
    const kept = { inputTokens: 1, outputTokens: 2, cost: null };
    expect(readUsage({ ...kept, more: "of a later release" })).toEqual(kept);
    for (const strange of [
      null,
      undefined,
      7,
      "text",
      [],
      { ...kept, inputTokens: "\u001b[2J" },
      { ...kept, cost: {} },
    ])
      expect(readUsage(strange)).toBeNull();
  });
});
