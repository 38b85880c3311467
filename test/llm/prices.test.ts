import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calculateCost, PRICES } from "../../src/llm/prices.ts";

const MILLION = 1_000_000;

describe("the cost of a call", () => {
  test("is what a million tokens cost, by the token", () => {
    expect(calculateCost("claude-3-haiku", { inputTokens: MILLION, outputTokens: 0 })).toBeCloseTo(0.25, 10);
    expect(calculateCost("claude-3-haiku", { inputTokens: 0, outputTokens: 1_000 })).toBeCloseTo(0.00125, 10);
    expect(calculateCost("text-embedding-3-small", { inputTokens: 50_000, outputTokens: 0 })).toBeCloseTo(0.001, 10);
  });

  test.each([
    ["claude-3-haiku-20240307", "claude-3-haiku"],
    ["gpt-4o-mini-2024-07-18", "gpt-4o-mini"],
    ["claude-3-5-haiku-latest", "claude-3-5-haiku"],
  ])("of %s is that of %s", (snapshot, model) => {
    const usage = { inputTokens: 1_234, outputTokens: 567 };
    expect(calculateCost(snapshot, usage)).toBe(calculateCost(model, usage));
    expect(calculateCost(snapshot, usage)).toBeGreaterThan(0);
  });

  test("of a snapshot that has kept a price of its own is that", () => {
    const usage = { inputTokens: MILLION, outputTokens: MILLION };
    expect(calculateCost("gpt-4o-2024-05-13", usage)).toBeCloseTo(5 + 15, 10);
    // It knows no cache.
    expect(calculateCost("gpt-4o-2024-05-13", { ...usage, cacheReadTokens: MILLION })).toBeCloseTo(5 + 15, 10);
    expect(calculateCost("gpt-4o-2024-08-06", usage)).toBe(calculateCost("gpt-4o", usage));
  });

  test.each(["", "gpt", "gpt-5-pro", "gpt-99", "claude", "toString", "__proto__", "constructor", "claude-3-haiku-"])(
    "of '%s', whose price is unknown, is null and never 0",
    (model) => {
      expect(calculateCost(model, { inputTokens: 0, outputTokens: 0 })).toBe(null);
      expect(calculateCost(model, { inputTokens: 5, outputTokens: 5 })).toBe(null);
    },
  );

  test("counts what came from and went into the cache at its own price", () => {
    const usage = { inputTokens: 3 * MILLION, outputTokens: 0 };
    const cached = { ...usage, cacheReadTokens: MILLION, cacheWriteTokens: MILLION };
    expect(calculateCost("claude-sonnet-4-5", usage)).toBeCloseTo(9, 10);
    expect(calculateCost("claude-sonnet-4-5", cached)).toBeCloseTo(3 + 0.3 + 3.75, 10);
    const prices = { plain: { input: 1, output: 2 } };
    expect(calculateCost("plain", cached, prices)).toBeCloseTo(3, 10);
  });

  test("of a long prompt is another where the provider says so", () => {
    const of = (inputTokens: number) => calculateCost("claude-haiku-5-5", { inputTokens, outputTokens: 1_000 });
    expect(of(100_000)).toBeCloseTo(0.01 + 0.0005, 10);
    expect(of(100_001)).toBeCloseTo(0.0500005 + 0.0025, 10);
  });

  test("goes by a table of one's own", () => {
    const usage = { inputTokens: MILLION, outputTokens: MILLION };
    const prices = { ...PRICES, mine: { input: 1, output: 2 }, "gpt-5": { input: 7, output: 0 } };
    expect(calculateCost("mine", usage, prices)).toBe(3);
    expect(calculateCost("gpt-5", usage, prices)).toBe(7);
    expect(calculateCost("gpt-4o", usage, prices)).toBe(calculateCost("gpt-4o", usage));
    expect(calculateCost("gpt-4o", usage, {})).toBe(null);
  });

  test("that cannot be told from nonsense is null", () => {
    expect(calculateCost("gpt-5", { inputTokens: Number.NaN, outputTokens: 1 })).toBe(null);
    expect(calculateCost("gpt-5", { inputTokens: -5, outputTokens: 0 })).toBe(null);
  });

  test("is never less with more tokens, for any model of the table", () => {
    const tokens = fc.nat(2 * MILLION);
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(PRICES)), tokens, tokens, tokens, (model, input, output, more) => {
        const less = calculateCost(model, { inputTokens: input, outputTokens: output }) as number;
        expect(calculateCost(model, { inputTokens: input + more, outputTokens: output })).toBeGreaterThanOrEqual(less);
        expect(calculateCost(model, { inputTokens: input, outputTokens: output + more })).toBeGreaterThanOrEqual(less);
      }),
    );
  });
});

test("each price has its source and the day it was looked up, and cannot be changed for everybody", () => {
  for (const [model, price] of Object.entries(PRICES)) {
    expect(price.source, model).toMatch(/^https:/);
    expect(price.asOf, model).toMatch(/^2026-\d\d-\d\d$/);
    expect(price.input, model).toBeGreaterThan(0);
    expect(Object.isFrozen(price), model).toBe(true);
  }
  expect(Object.isFrozen(PRICES)).toBe(true);
});
