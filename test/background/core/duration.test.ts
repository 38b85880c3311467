import fc from "fast-check";
import { expect, test } from "vitest";
import { type Duration, toMs } from "../../../src/background/core/duration.ts";
import { JobError } from "../../../src/background/core/errors.ts";

const DAY = 86_400_000;

test.each<[Duration, number]>([
  [0, 0],
  [250, 250],
  [0.2, 1],
  [1_234.56, 1_235],
  ["0.001ms", 1],
  ["1.1s", 1_100],
  ["0s", 0],
  ["250ms", 250],
  ["30s", 30_000],
  ["5m", 300_000],
  ["1.5h", 5_400_000],
  ["7d", 7 * DAY],
  ["100000d", 100_000 * DAY],
  [100_000 * DAY, 100_000 * DAY],
])("%j is %d milliseconds", (duration, ms) => {
  expect(toMs(duration, "timeout")).toBe(ms);
});

test("a number with a unit is that many of the unit", () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY };
  fc.assert(
    fc.property(fc.nat(90_000), fc.constantFrom("ms", "s", "m", "h", "d"), (count, unit) => {
      expect(toMs(`${count}${unit}`, "timeout")).toBe(count * units[unit]);
    }),
  );
});

test.each([
  -1,
  "-1s",
  Number.NaN,
  Number.POSITIVE_INFINITY,
  100_000 * DAY + 1,
  "100001d",
  `${"9".repeat(400)}d`,
  "",
  "s",
  "30",
  "30 s",
  " 30s",
  "30s\n",
  "30S",
  "30sec",
  "1e3ms",
  "0x10s",
  ".5s",
  "5.s",
  "1m30s",
  "2w",
])("%j is not a duration", (given) => {
  expect(() => toMs(given as Duration, "timeout of task 'mail'")).toThrow(
    expect.objectContaining({
      code: "invalid_option",
      message: expect.stringMatching(/timeout of task 'mail'.*"30s"/),
    }),
  );
});

test("any other value is accepted or refused with a JobError", () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (given) => {
      try {
        expect(toMs(given as Duration, "timeout")).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error).toBeInstanceOf(JobError);
        expect((error as Error).message.length).toBeLessThan(300);
      }
    }),
  );
  expect(() => toMs(Object.create(null) as Duration, "timeout")).toThrow(JobError);
  expect(() => toMs(Symbol("s") as unknown as Duration, "timeout")).toThrow(JobError);
});
