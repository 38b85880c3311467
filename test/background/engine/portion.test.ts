import { expect, test } from "vitest";
import { MAX_CALL_BYTES } from "../../../src/background/core/limits.ts";
import { portionEnd } from "../../../src/background/engine/portion.ts";

const third = MAX_CALL_BYTES / 3;

test("a portion holds what fits into one call, no more than the given number of items, and at least one", () => {
  const end = (items: readonly number[], from = 0, most = 10) => portionEnd(items, from, most, (bytes) => bytes);
  expect(end([])).toBe(0);
  expect(end([1, 2, 3])).toBe(3);
  expect(end([1, 2, 3], 0, 2)).toBe(2);
  expect(end([1, 2, 3], 1, 2)).toBe(3);
  expect(end([third, third, third])).toBe(3);
  expect(end([third, third, third, 1])).toBe(3);
  expect(end([third, third, third, 1], 3)).toBe(4);
  expect(end([1, MAX_CALL_BYTES, 1])).toBe(1);
  expect(end([2 * MAX_CALL_BYTES, 1])).toBe(1);
});
