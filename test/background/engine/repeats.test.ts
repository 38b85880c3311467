import { expect, test } from "vitest";
import { Repeats } from "../../../src/background/engine/repeats.ts";

test("the same text is news once a minute, whatever numbers are in it", () => {
  const repeats = new Repeats();
  const heard = Array.from({ length: 180 }, (_, s) => repeats.isNews(`no answer within ${2_000 - s} ms`, 1_000 * s));
  expect(heard.flatMap((isNews, s) => (isNews ? [s] : []))).toEqual([0, 60, 120]);
});

test("another text is news at once, and so is the same one after forget()", () => {
  const repeats = new Repeats();
  expect(["full", "away", "full"].map((text) => repeats.isNews(text, 0))).toEqual([true, true, false]);
  repeats.forget();
  expect(repeats.isNews("full", 1)).toBe(true);
});

test("only the latest hundred texts are remembered", () => {
  const repeats = new Repeats();
  const text = (n: number) => "x".repeat(n);
  for (let n = 0; n <= 100; n++) expect(repeats.isNews(text(n), 0)).toBe(true);
  expect([100, 1, 0].map((n) => repeats.isNews(text(n), 1))).toEqual([false, false, true]);
});
