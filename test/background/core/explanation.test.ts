import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inWords } from "../../../src/background/core/duration.ts";

test.each([
  [-5, "0 ms"],
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1_000, "1 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [272_000, "4 min 32 s"],
  [3_600_000, "1 h"],
  [5_400_000, "1 h 30 min"],
  [86_400_000 + 3_599_999, "1 d"],
  [90_000_000_000, "1041 d 16 h"],
])("%d ms are said as %s", (ms, words) => {
  expect(inWords(ms)).toBe(words);
});

test("the reference has every cause there is, and no other", () => {
  const source = readFileSync(new URL("../../../src/background/core/explanation.ts", import.meta.url), "utf8");
  const union = /export type CauseCode =([\s\S]*?);/.exec(source)?.[1] ?? "";
  const page = readFileSync(new URL("../../../docs/reference/causes.md", import.meta.url), "utf8");
  const codes = Array.from(union.matchAll(/"(\w+)"/g), ([, code]) => code);
  expect(codes.length).toBeGreaterThan(15);
  expect(Array.from(page.matchAll(/^\| `(\w+)` \|/gm), ([, code]) => code)).toEqual(codes);
});
