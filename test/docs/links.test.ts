import { posix } from "node:path";
import { expect, test } from "vitest";
import { scripts } from "../examples/program.ts";
import { anchorsOf, exists, linksOf, pages, readLines, readPage } from "./markdown.ts";

const all = pages();

test("the pages that a reader begins with are there", () => {
  expect(all).toEqual(expect.arrayContaining(["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"]));
});

test.each(all)("every link of %s leads somewhere", (file) => {
  expect(linksOf(readPage(file)).flatMap((link) => brokenIn(file, link))).toEqual([]);
});

test.each(all)("every script that %s names is there", (file) => {
  const named = readLines(file).flatMap((line) => [
    ...line.matchAll(/\bnpm run(?:-script)? (?:-\S+ )*([\w:.-]*\w:?)/g),
  ]);
  const missing = named.map(([, script = ""]) => script).filter((script) => !isScript(script));
  expect(missing).toEqual([]);
});

function brokenIn(file: string, { at, target }: { at: string; target: string }): readonly string[] {
  if (/^[a-z][a-z+.-]*:/i.test(target) || target.startsWith("//")) return [];
  const [path = "", anchor] = target.split("#").map(decodeURIComponent);
  const found = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), path));
  if (found.startsWith("..") || !exists(found)) return [`${at}: ${target} is not there`];
  const isKnown = anchor === undefined || !found.endsWith(".md") || anchorsOf(found).has(anchor);
  return isKnown ? [] : [`${at}: ${found} has no heading #${anchor}`];
}

/** `npm run example:NAME` and `npm run example:<name>` stand for a family. */
function isScript(script: string): boolean {
  const family = script.replace(/(?<=:)[A-Z]+$/, "");
  if (!family.endsWith(":")) return script in scripts;
  return Object.keys(scripts).some((known) => known.startsWith(family));
}
