import fc from "fast-check";
import { type Span, type SplitOptions, split } from "rapidai/rag";
import { describe, expect, test } from "vitest";

// Rare shapes of text are where a splitter errs, and a round takes a tenth of a millisecond.
fc.configureGlobal({ numRuns: 1_000 });

const options: fc.Arbitrary<SplitOptions> = fc
  .record({ size: fc.integer({ min: 32, max: 300 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ size, share }) => ({ size, overlap: Math.floor((share * size) / 4) }));

/** Words, sentences, paragraphs, long runs without a space, line ends of both kinds, and characters of two units. */
const text: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom("a ", "some ", "words ", "end. ", "(really?) ", "no\n", "new.\n\n", "x\r\n\r\n"),
      },
      { weight: 2, arbitrary: fc.constantFrom("😀", "𝒳𝒴", "文字列。", "\t \n", "\u2028", "\u00a0") },
      { weight: 1, arbitrary: fc.string({ minLength: 0, maxLength: 400, unit: "grapheme", size: "max" }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 400 }).map((length) => "😀".repeat(length)) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 400 }).map((length) => " ".repeat(length)) },
    ),
    { maxLength: 120, size: "max" },
  )
  .map((parts) => parts.join(""));

function spansOf(of: string, by: SplitOptions): Span[] {
  return [...split(of, by)];
}

describe("splitting any text", () => {
  test("leaves no character out but white space between chunks", () => {
    fc.assert(
      fc.property(text, options, (of, by) => {
        let end = 0;
        for (const span of spansOf(of, by)) {
          if (span.start > end) expect(of.slice(end, span.start).trim()).toBe("");
          end = Math.max(end, span.end);
        }
        expect(of.slice(end).trim()).toBe("");
      }),
    );
  });

  test("gives chunks that are not empty, no longer than allowed, and without white space around them", () => {
    fc.assert(
      fc.property(text, options, (of, by) => {
        for (const { start, end } of spansOf(of, by)) {
          const content = of.slice(start, end);
          expect(content).not.toBe("");
          expect(content.length).toBeLessThanOrEqual(by.size);
          expect(content.trim()).toBe(content);
        }
      }),
    );
  });

  test("repeats no more than the overlap, always brings something new, and goes on by a quarter of the size", () => {
    fc.assert(
      fc.property(text, options, (of, by) => {
        const spans = spansOf(of, by);
        for (const [index, { start, end }] of spans.entries()) {
          const before = spans[index - 1];
          if (before === undefined) continue;
          expect(before.end - start).toBeLessThanOrEqual(by.overlap);
          expect(end).toBeGreaterThan(before.end);
          expect(start - before.start).toBeGreaterThanOrEqual(Math.floor(by.size / 4));
        }
      }),
    );
  });

  test("never cuts a pair of surrogates", () => {
    fc.assert(
      fc.property(text, options, (of, by) => {
        for (const { start, end } of spansOf(of, by))
          expect(of.slice(start, end).isWellFormed()).toBe(of.isWellFormed());
      }),
    );
  });

  test("ends a chunk at each heading that is a quarter of its size or more away", () => {
    const withHeadings = fc
      .tuple(text, options, fc.array(fc.nat(5_000), { maxLength: 10 }))
      .map(([of, by, offsets]) => {
        const sorted = [...new Set(offsets)].filter(
          (offset) => offset < of.length && of[offset]?.trim() !== "" && isWhole(of, offset),
        );
        const headings = sorted.sort((a, b) => a - b).map((offset) => ({ offset }));
        return { of, by: { ...by, headings }, headings };
      });
    fc.assert(
      fc.property(withHeadings, ({ of, by, headings }) => {
        const spans = spansOf(of, by);
        for (const { start, end } of spans) {
          const inside = headings.filter(({ offset }) => offset >= start + by.size / 4 && offset < end);
          expect(inside).toEqual([]);
        }
      }),
    );
  });
});

function isWhole(of: string, offset: number): boolean {
  return (of.charCodeAt(offset) & 0xfc00) !== 0xdc00;
}

describe("splitting", () => {
  const contents = (of: string, by: SplitOptions) => spansOf(of, by).map(({ start, end }) => of.slice(start, end));

  test("prefers the end of a paragraph to that of a sentence, and that to a space", () => {
    const by = { size: 40, overlap: 0 };
    expect(contents("One two three. Four five.\n\nSix. Seven eight nine.", by)[0]).toBe("One two three. Four five.");
    expect(contents("One two three. Four five six. Seven eight nine.", by)[0]).toBe("One two three. Four five six.");
    expect(contents("one two three four five six seven eight nine", by)[0]).toBe(
      "one two three four five six seven eight",
    );
  });

  test("repeats whole words of the chunk before", () => {
    const [first, second] = contents("one two three four five six seven eight nine ten eleven", {
      size: 40,
      overlap: 10,
    });
    expect(first).toBe("one two three four five six seven eight");
    expect(second).toBe("eight nine ten eleven");
  });

  test("repeats nothing where a section begins", () => {
    const of = "Intro, some words of it.\n# Install\nDo this and that.";
    expect(contents(of, { size: 48, overlap: 12, headings: [{ offset: of.indexOf("#") }] })).toEqual([
      "Intro, some words of it.",
      "# Install\nDo this and that.",
    ]);
  });

  test("of nothing but white space gives nothing", () => {
    expect(contents("", { size: 40, overlap: 10 })).toEqual([]);
    expect(contents(" \n\t ", { size: 40, overlap: 10 })).toEqual([]);
  });

  test.each([
    [{ size: 0, overlap: 0 }, "size of split() must be a whole number of 32 or more, not 0"],
    [{ size: Number.NaN, overlap: 0 }, "size of split()"],
    [{ size: 40, overlap: 11 }, "overlap of split() must be a whole number from 0 to 10, not 11"],
    [{ size: 40, overlap: 0, heading: [] }, "'heading' is not one of the options of split()"],
  ])("refuses %j at once, rather than never to end", (by, why) => {
    expect(() => split("some text", by)).toThrow(why);
  });
});
