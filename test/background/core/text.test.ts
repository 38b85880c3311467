import fc from "fast-check";
import { expect, test } from "vitest";
import { byteLength, isLongerThan, listed, shown, truncate } from "../../../src/background/core/text.ts";

/** Any UTF-16, lone surrogates included, and often the characters that take four bytes. */
const text: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom("😀", "é", "€", "a"),
    ),
    { maxLength: 120, size: "max" },
  )
  .map((units) => units.join(""));

test("byteLength counts bytes of UTF-8", () => {
  expect(byteLength("aé€😀")).toBe(1 + 2 + 3 + 4);
  fc.assert(fc.property(text, (given) => void expect(byteLength(given)).toBe(Buffer.byteLength(given))));
});

test("isLongerThan is true from the first byte over the limit", () => {
  fc.assert(
    fc.property(
      text,
      fc.nat(1_000),
      (given, max) => void expect(isLongerThan(given, max)).toBe(byteLength(given) > max),
    ),
  );
  fc.assert(
    fc.property(text, (given) => {
      expect(isLongerThan(given, byteLength(given))).toBe(false);
      if (given !== "") expect(isLongerThan(given, byteLength(given) - 1)).toBe(true);
    }),
  );
});

test("lone surrogates are replaced, as UTF-8 does", () => {
  expect(truncate("a\ud800b\udc00", 100)).toBe("a\ufffdb\ufffd");
  fc.assert(fc.property(text, (given) => void expect(truncate(given, 1_000)).toBe(Buffer.from(given).toString())));
});

test("a text that fits stays as it is; any other is cut to the limit and marked, and never split within a character", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 16, max: 300 }), (any, max) => {
      const given = any.toWellFormed();
      const cut = truncate(given, max);
      expect(byteLength(cut)).toBeLessThanOrEqual(max);
      if (byteLength(given) <= max) {
        expect(cut).toBe(given);
        return;
      }
      expect(cut.endsWith("… (cut)")).toBe(true);
      const kept = cut.slice(0, -"… (cut)".length);
      expect(given.startsWith(kept)).toBe(true);
      expect(splitsPair(given, kept.length)).toBe(false);
      // As much as fits: there is no room for one more character, of four bytes at most.
      expect(byteLength(cut)).toBeGreaterThan(max - 4);
    }),
  );
});

function splitsPair(given: string, at: number): boolean {
  return /[\ud800-\udbff]/.test(given.charAt(at - 1)) && /[\udc00-\udfff]/.test(given.charAt(at));
}

test("listed names the first items, and counts the others", () => {
  const lists = [[], ["a", "b"], ["a", "b", "c", "d"]].map((items) => listed(items, 2));
  expect(lists).toEqual(["", "a, b", "a, b and 2 more"]);
});

test("a value shown in an error is short, whatever it is", () => {
  expect([shown("a\n"), shown(1), shown(null), shown(Symbol("s"))]).toEqual(['"a\\n"', "1", "null", "Symbol(s)"]);
  expect([shown(3n), shown([]), shown({}), shown(Object.create(null)), shown(() => 1)]).toEqual([
    "3n",
    "an array",
    "an object",
    "an object",
    "a function",
  ]);
  expect(shown(new URL("redis://db"))).toBe("redis://db");
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      (value) => void expect(shown(value).length).toBeLessThanOrEqual(300),
    ),
  );
});
