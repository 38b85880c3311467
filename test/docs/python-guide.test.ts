// Each snippet of the Python guide has a program that test/examples runs.

import { expect, test } from "vitest";
import { scripts } from "../examples/program.ts";
import { exists, readLines } from "./markdown.ts";

const PAGE = "docs/reference/python-guide.md";
/** The guide's blocks of code, and what it shows in words alone is not among them. */
const SNIPPETS = 19;

const rows = readLines(PAGE).flatMap((line) => {
  const [, snippet, program, command] =
    /^\| (.+?) \| \[.+?\]\(\.\.\/\.\.\/(.+?)\) \| `npm run (.+?)` \|$/.exec(line) ?? [];
  return snippet === undefined ? [] : [{ snippet, program: program as string, command: command as string }];
});

test("every snippet stands in the table, once", () => {
  expect(new Set(rows.map(({ snippet }) => snippet)).size).toBe(SNIPPETS);
  expect(rows).toHaveLength(SNIPPETS);
});

test.each(rows)("$snippet is $program, and its command runs that", ({ program, command }) => {
  expect(exists(program)).toBe(true);
  expect(scripts[command]).toMatch(new RegExp(`^node .* ${program.replaceAll(".", "\\.")}$`));
});
