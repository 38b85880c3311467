// What README.md shows is the text of a program in examples/, which test/examples runs.

import { expect, test } from "vitest";
import { exists, readPage } from "./markdown.ts";
import { textOf } from "./region.ts";

const CODE = new Set(["ts", "typescript", "js", "javascript", "mts", "tsx", "jsx"]);

test("there is a README, and it shows code", () => {
  expect(exists("README.md")).toBe(true);
  expect(codeOf("README.md").length).toBeGreaterThan(0);
});

test.each(exists("README.md") ? codeOf("README.md") : [])(
  "$at is the text of $info",
  ({ at, language, info, text }) => {
    expect(language, `${at}: write \`\`\`ts`).toBe("ts");
    expect(info, `${at}: name the example behind \`\`\`ts, as in \`\`\`ts examples/quick-start.ts`).toMatch(
      /^examples\/[\w/.-]+\.ts(?:#[\w-]+)?$/,
    );
    expect(text).toBe(textOf(info));
  },
);

function codeOf(file: string) {
  return readPage(file).blocks.filter(({ language }) => CODE.has(language));
}
