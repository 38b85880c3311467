import { expect, test } from "vitest";
import { firstIdAt, instantOf, lowestBound, MAX_INSTANT } from "../../../src/background/core/id-time.ts";
import { isJobId } from "../../../src/background/core/names.ts";

test.each([
  [-1, "00000000-0000-7000-8000-000000000000"],
  [0, "00000000-0000-7000-8000-000000000000"],
  [0x0123456789ab, "01234567-89ab-7000-8000-000000000000"],
  [0x0123456789ab + 0.9, "01234567-89ab-7000-8000-000000000000"],
  [Number.MAX_SAFE_INTEGER, "ffffffff-ffff-7000-8000-000000000000"],
])("the first id at %d is %s", (instant, id) => {
  expect(firstIdAt(instant)).toBe(id);
  expect(isJobId(id)).toBe(true);
  expect(instantOf(id)).toBe(Math.min(Math.max(0, Math.floor(instant)), MAX_INSTANT));
});

test("the lowest of some bounds is the first in the order of ids, if there is any", () => {
  expect(lowestBound(firstIdAt(2), undefined, firstIdAt(1))).toBe(firstIdAt(1));
  expect(lowestBound(undefined, undefined)).toBe(undefined);
});
