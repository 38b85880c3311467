import fc from "fast-check";
import { expect, test } from "vitest";
import { type Backoff, defaultWait, safeWait, waitOf } from "../../../src/background/core/backoff.ts";

const HOUR = 3_600_000;
const error = new Error("e");
const waitsOf = (backoff: Backoff | undefined, retries: number, random = 0): number[] => {
  const wait = waitOf(backoff, "mail");
  return Array.from({ length: retries }, (_, index) => wait(index + 1, error, random));
};

test("retries 1 to 5 wait for exactly 2, 4, 8, 16 and 32 seconds", () => {
  for (const random of [0, 0.5, 0.999])
    expect(waitsOf(undefined, 5, random)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000]);
  expect([1, 2, 3, 4, 5].map((retry) => defaultWait(retry, error, 0.7))).toEqual(waitsOf(undefined, 5));
  expect(waitsOf({}, 5)).toEqual(waitsOf(undefined, 5));
  expect(waitsOf({ base: undefined, factor: undefined, max: undefined, jitter: undefined }, 5)).toEqual(
    waitsOf(undefined, 5),
  );
});

test("no wait is longer than an hour, whatever the retry", () => {
  expect(defaultWait(11, error, 0)).toBe(2_048_000);
  for (const retry of [12, 13, 100, 1_025, 1_000_000]) expect(defaultWait(retry, error, 0)).toBe(HOUR);
});

test("the wait before retry n is base * factor^(n-1), at most max, times 1 - jitter * random", () => {
  expect(waitsOf({ base: "1s", factor: 3, max: "20s" }, 4)).toEqual([1_000, 3_000, 9_000, 20_000]);
  expect(waitsOf({ base: 100, factor: 1 }, 3)).toEqual([100, 100, 100]);
  expect(waitsOf({ jitter: 0.5 }, 3, 0.5)).toEqual([1_500, 3_000, 6_000]);
  expect(waitsOf({ max: "3s", jitter: 1 }, 2, 0.25)).toEqual([1_500, 2_250]);
  fc.assert(
    fc.property(
      fc.nat(100_000),
      fc.double({ min: 1, max: 5, noNaN: true }),
      fc.nat(1_000_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 1, max: 40 }),
      (base, factor, max, jitter, random, retry) => {
        const wait = waitOf({ base, factor, max, jitter }, "mail")(retry, error, random);
        expect(wait).toBe(Math.min(base * factor ** (retry - 1), max) * (1 - jitter * random));
      },
    ),
  );
});

test("the wait is from 0 to 100,000 days, whatever the settings and the retry", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 2_000, "100000d" as const),
      fc.constantFrom(1, 2, 1e9, Number.MAX_VALUE),
      fc.constantFrom(0, 5, "1h" as const, "100000d" as const),
      fc.integer({ min: 1, max: 1_000_000 }),
      (base, factor, max, retry) => {
        const wait = waitOf({ base, factor, max }, "mail")(retry, error, 0);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(100_000 * 86_400_000);
      },
    ),
  );
  expect(waitOf({ base: 0 }, "mail")(1_100, error, 0)).toBe(0);
});

test("a duration is the wait before every retry", () => {
  expect(waitsOf("5s", 3)).toEqual([5_000, 5_000, 5_000]);
  expect(waitsOf(0, 2)).toEqual([0, 0]);
});

test("a backoff function is called with the number of the retry, from 1, and the error", () => {
  const asked: unknown[] = [];
  const backoff = (retry: number, thrown: unknown): `${number}s` => {
    asked.push([retry, thrown]);
    return `${retry * 10}s`;
  };
  expect(waitsOf(backoff, 3)).toEqual([10_000, 20_000, 30_000]);
  expect(asked).toEqual([1, 2, 3].map((retry) => [retry, error]));
});

test("a backoff function that returns no duration is an error that names the task", () => {
  const wait = waitOf((() => -1) as Backoff, "mail");
  expect(() => wait(1, error, 0)).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("backoff of task 'mail'") }),
  );
});

test("a backoff function that throws is reported, and replaced by the default wait", () => {
  const reports: unknown[] = [];
  const wait = safeWait(
    waitOf(() => "never" as "1s", "mail"),
    (mistake) => reports.push(mistake),
  );
  expect(wait(2, error, 0)).toBe(4_000);
  expect(reports).toEqual([expect.objectContaining({ code: "invalid_option" })]);
});

test.each<[unknown, string]>([
  [{ base: -1 }, "backoff of task 'mail'.base"],
  [{ base: null }, "backoff of task 'mail'.base"],
  [{ factor: null }, "a number of 1 or more"],
  [{ jitter: null }, "a number from 0 to 1"],
  [{ max: "soon" }, "backoff of task 'mail'.max"],
  [{ factor: 0.5 }, "a number of 1 or more"],
  [{ factor: Number.NaN }, "a number of 1 or more"],
  [{ factor: Number.POSITIVE_INFINITY }, "a number of 1 or more"],
  [{ factor: Object.create(null) }, "a number of 1 or more"],
  [{ jitter: 1.1 }, "a number from 0 to 1"],
  [{ jitter: "0.5" }, "a number from 0 to 1"],
  [
    { maximum: "1m" },
    "'maximum' is not one of the options of the backoff of task 'mail': use base, factor, max, jitter",
  ],
  [["1s", "5s"], "'0' is not one of the options of the backoff"],
  ["often", "must be a duration, not "],
  [null, "must be a duration, not "],
  [true, "must be a duration, not "],
])("%o is refused as a backoff at once", (backoff, says) => {
  expect(() => waitOf(backoff as Backoff, "mail")).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(says) }),
  );
});
