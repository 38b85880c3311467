// Every block of TypeScript in a guide is a program of its own: it has its types, runs, and ends by itself.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { ROOT, start } from "../examples/program.ts";
import { pages, readPage, usesBullMq } from "./markdown.ts";

// More programs at a time than there are cores wait for one another, past what each gives its queue to be ready.
vi.setConfig({ testTimeout: 60_000, maxConcurrency: availableParallelism() });

// It tells a program that never ends from one on a busy machine.
const LONGEST_MS = 45_000;
const guides = pages().filter((file) => file.startsWith("docs/") && !file.startsWith("docs/decisions/"));
const blocks = guides.flatMap((file) => readPage(file).blocks);
const programs = blocks.filter(({ language }) => language === "ts");
const runHere = programs.filter((program) => !usesBullMq(program));

// Below node_modules no other tool looks at them, and packages are found from there.
const cache = join(ROOT, "node_modules", ".cache");
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, "guides-"));
// They read this project's own documents.
for (const name of ["README.md", "ARCHITECTURE.md", "LICENSE", "docs"])
  cpSync(join(ROOT, name), join(folder, name), { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("there are guides, and their code is TypeScript that is run", () => {
  expect(guides.filter((file) => file.startsWith("docs/guides/")).length).toBeGreaterThan(0);
  expect(programs.length).toBeGreaterThan(0);
  const unchecked = /^(?:typescript|m?js|javascript|[jt]sx|mts)$/;
  expect(blocks.filter(({ language }) => unchecked.test(language)).map(({ at }) => at)).toEqual([]);
  expect(programs.filter(({ info }) => info !== "").map(({ at, info }) => `${at} ${info}`)).toEqual([]);
});

test("the code of the guides has its types", async () => {
  const files = programs.map(({ at, text }) => {
    const file = `${at.replaceAll(/\W/g, "-")}.ts`;
    writeFileSync(join(folder, file), text);
    return file;
  });
  const options = { declaration: false, isolatedDeclarations: false, noUnusedLocals: false, moduleDetection: "force" };
  const extended = { extends: "../../../tsconfig.json", compilerOptions: options, files };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(extended));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await start(process.execPath, [tsc, "-p", folder]).ended;
  // Errors of half-written sources are found by `npm run typecheck`.
  expect(stdout.split("\n").filter((line) => line.includes("guides-"))).toEqual([]);
});

test.concurrent.each(runHere)("$at runs and ends by itself", async ({ text }) => {
  const fromSource = pathToFileURL(join(ROOT, "scripts", "from-source.ts")).href;
  // What it writes goes with the folder. Its types are taken out here, once for all: what does that takes longer to load
  // than most of them run.
  const args = ["--import", fromSource, "--input-type=module", "-"];
  const { child, ended } = start(process.execPath, args, {}, stripTypeScriptTypes(text), folder);
  const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
  const { code, stdout, stderr } = await ended;
  clearTimeout(timer);
  expect(code, `${stdout}${stderr}${code === null ? `It had not ended after ${LONGEST_MS} ms.` : ""}`).toBe(0);
});
