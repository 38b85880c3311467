import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, formatRelative } from "../../src/cli/format-time.ts";
import { safeJson, safeLine, safeLines } from "../../src/cli/safe-text.ts";
import { sayTable } from "../../src/cli/table.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { cutTo, widthOf } from "../../src/cli/text-width.ts";

const RAW = /(?!\u200d)[\p{Cc}\p{Cf}\p{Surrogate}\u2028\u2029]/u;
/** Any text, most of it of what terminals act upon. */
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom("\x1b[", "\x9b31m", "\x07", "\r", "\u202e", "\ud800", "a", "漢", "\n", "\u0000", "\u{e0041}"),
  }),
);

test("a line is one line without anything that a terminal acts upon, and plain text stays as it is", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(safeLine(text)).not.toMatch(RAW);
      for (const line of safeLines(text)) expect(line).not.toMatch(RAW);
    }),
  );
  expect(safeLine("Grüße, 漢字 🎉: ok")).toBe("Grüße, 漢字 🎉: ok");
  expect(safeLine("a\x1b[2Jb\n\u202e")).toBe("a\\u001b[2Jb\\n\\u202e");
  expect(safeLine("in\u200bvisible\u{e0041} 👩‍💻")).toBe("in\\u200bvisible\\udb40\\udc41 👩‍💻");
});

/** A value whose texts are what a reader of UTF-8 can be told. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key.toWellFormed(), wellFormed(part)]));
}

test("JSON has nothing that a terminal acts upon either, and says the same to a program", () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.integer(), fc.array(hostile))), (value) => {
      for (const indent of [undefined, 2]) {
        const json = safeJson(value, indent);
        expect(json.replaceAll("\n", "")).not.toMatch(RAW);
        expect(JSON.parse(json)).toEqual(wellFormed(JSON.parse(JSON.stringify(value))));
      }
    }),
  );
});

test("JSON has no halves of surrogate pairs, which readers other than JavaScript refuse, and keeps what only looks like one", () => {
  expect(safeJson({ "\udc00": ["cut \ud83c", "\ud83c\udf89", "\\ud800", "\\\ud800"] })).toBe(
    '{"\ufffd":["cut \ufffd","\ud83c\udf89","\\\\ud800","\\\\\ufffd"]}',
  );
});

test("text is cut to its columns, wide letters counted as two", () => {
  expect([widthOf("abc"), widthOf("漢字"), widthOf("🎉"), widthOf("é")]).toEqual([3, 4, 2, 1]);
  expect(cutTo("abcdef", 4)).toBe("abc…");
  expect(cutTo("漢字漢字", 4)).toBe("漢…");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }).map(safeLine), fc.nat(40), (text, columns) => {
      expect(widthOf(cutTo(text, columns))).toBeLessThanOrEqual(columns);
      if (widthOf(text) <= columns) expect(cutTo(text, columns)).toBe(text);
    }),
  );
});

test("no row of a table is wider than the terminal, whatever stands in it", () => {
  const cells = fc.array(fc.string({ unit: "grapheme", maxLength: 60, size: "max" }).map(safeLine), {
    minLength: 4,
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      fc.array(cells, { maxLength: 5 }),
      fc.integer({ min: 1, max: 120 }),
      fc.boolean(),
      (rows, columns, mayBeSplit) => {
        const lines: string[] = [];
        const out = { isTTY: true, columns, on: () => {}, write: (line: string) => lines.push(line) };
        const terminal = new Terminal(out as never, out as never);
        sayTable(
          terminal,
          ["A", "NAME", "COUNT", "NOTE"],
          rows.map((row) => row.map((text) => ({ text }))),
          { names: 1, kept: 3, alignRight: new Set([2]), ...(mayBeSplit && { second: 2 }) },
        );
        if (!mayBeSplit) expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines)
          expect(widthOf(stripVTControlCharacters(line).replace(/\n$/, ""))).toBeLessThanOrEqual(columns);
      },
    ),
  );
});

test("where the last column would not be seen, columns get a second line", () => {
  const linesOf = (columns: number) => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(stripVTControlCharacters(line));
    const out = { isTTY: true, columns, on: () => {}, write };
    const row = ["1", "mail", "2 min ago", "connect ECONNREFUSED 10.0.0.7:443"].map((text) => ({ text }));
    const layout = { names: 1, kept: 2, second: 2 };
    sayTable(new Terminal(out as never, out as never), ["A", "NAME", "CREATED", "NOTE"], [row], layout);
    return lines;
  };
  expect(linesOf(44)).toEqual(["A  NAME  CREATED    NOTE\n", "1  mail  2 min ago  connect ECONNREFUSED 10…\n"]);
  expect(linesOf(43)).toEqual([
    "A  NAME\n",
    "  CREATED    NOTE\n",
    "1  mail\n",
    "  2 min ago  connect ECONNREFUSED 10.0.0.7…\n",
  ]);
});

test("a long name hides no column that is to be visible, and a short one is whole", () => {
  const linesOf = (name: string, columns: number) => {
    const lines: string[] = [];
    const out = {
      isTTY: true,
      columns,
      on: () => {},
      write: (line: string) => lines.push(stripVTControlCharacters(line)),
    };
    const row = ["1", name, "failed", "why"].map((text) => ({ text }));
    sayTable(new Terminal(out as never, out as never), ["A", "NAME", "STATUS", "NOTE"], [row], { names: 1, kept: 3 });
    return lines;
  };
  const long = "n".repeat(128);
  expect(linesOf("mail", 40)).toEqual(["A  NAME  STATUS  NOTE\n", "1  mail  failed  why\n"]);
  expect(linesOf(long, 40)[1]).toBe(`1  ${"n".repeat(28)}…  failed\n`);
  expect(linesOf(long, 20)[1]).toBe(`1  ${"n".repeat(11)}…  fa…\n`);
});

test("times are shown in one unit", () => {
  expect([850, 1_240, 65_000, 7_300_000, 900_000_000].map(formatDuration)).toEqual([
    "850 ms",
    "1.2 s",
    "1 min",
    "2 h",
    "10 d",
  ]);
  expect(formatRelative(new Date(0), 180_000)).toBe("3 min ago");
  expect(formatRelative(new Date(180_000), 0)).toBe("in 3 min");
});
