import fc from "fast-check";
import { expect, test } from "vitest";
import { percentOf } from "../../../src/background/core/percent.ts";
import { type ProgressUpdate, progressOf, readProgress } from "../../../src/background/core/progress.ts";
import { byteLength } from "../../../src/background/core/text.ts";

const kept = (
  fraction: number | null,
  done: number | null = null,
  total: number | null = null,
  message: string | null = null,
): object => ({
  fraction,
  done,
  total,
  message,
});

test.each<[ProgressUpdate, object]>([
  [0, kept(0)],
  [0.25, kept(0.25)],
  [1, kept(1)],
  [7, kept(1)],
  [-1, kept(0)],
  [Number.NaN, kept(null)],
  [{ done: 1, total: 4 }, kept(0.25, 1, 4)],
  [{ done: 5, total: 4 }, kept(1, 5, 4)],
  [{ done: 0, total: 0 }, kept(null, 0, 0)],
  [{ done: 3 }, kept(null, 3)],
  [{ total: 3, message: "begins" }, kept(null, null, 3, "begins")],
  [{ message: "" }, kept(null, null, null, "")],
  [{ done: undefined, total: undefined, message: undefined }, kept(null)],
  [{}, kept(null)],
  [{ done: Number.POSITIVE_INFINITY, total: Number.NaN }, kept(null)],
])("%o is kept as %o", (update, progress) => {
  expect(progressOf(update)).toEqual(progress);
});

test("whatever the numbers, the fraction is from 0 to 1 or null, and the rest finite or null", () => {
  const numbers = fc.double();
  fc.assert(
    fc.property(fc.oneof(numbers, fc.record({ done: numbers, total: numbers })), (update) => {
      const { fraction, done, total } = progressOf(update);
      expect(fraction === null || (fraction >= 0 && fraction <= 1)).toBe(true);
      for (const count of [done, total]) expect(count === null || Number.isFinite(count)).toBe(true);
      expect(JSON.parse(JSON.stringify(progressOf(update)))).toEqual(
        JSON.parse(JSON.stringify({ fraction, done, total, message: null })),
      );
    }),
  );
});

test("a message is truncated to 1 KiB", () => {
  const { message } = progressOf({ message: "ü".repeat(10_000) });
  expect(byteLength(message as string)).toBeLessThanOrEqual(1_024);
  expect(byteLength(message as string)).toBeGreaterThan(1_000);
});

test.each([undefined, null, "50%", true, 5n, { done: "1" }, { total: 5n }, { message: 7 }, Symbol("s")])(
  "%o is not progress, which is an error that says what is",
  (update) => {
    expect(() => progressOf(update as ProgressUpdate)).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("{ done, total, message }") }),
    );
  },
);

test("stored progress is read as it was, and foreign data as far as it is valid", () => {
  const kept = { fraction: 0.5, done: 1, total: 2, message: "half" };
  expect(readProgress(kept)).toEqual(kept);
  for (const strange of [null, undefined, 7, "text"]) expect(readProgress(strange)).toBeNull();
  expect(readProgress({ fraction: "\u001b[2J", done: Number.POSITIVE_INFINITY, total: {}, message: "half" })).toEqual({
    fraction: null,
    done: null,
    total: null,
    message: "half",
  });
});

test("percents are whole, as many as hundredths are done, and a hundred only at the end", () => {
  for (let done = 0; done <= 100; done++) expect(percentOf(done / 100)).toBe(`${done} %`);
  expect([0.009, 0.995, 0.999999].map(percentOf)).toEqual(["0 %", "99 %", "99 %"]);
});
