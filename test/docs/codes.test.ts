// Whoever compares a code that a page lists, alerts on it or listens to it, has to find it in the sources, and the other way round.

import { globSync, readFileSync } from "node:fs";
import { JobError, type JobErrorCode } from "rapidai/background";
import { expect, test } from "vitest";
import { EVENT_NAMES } from "../../src/background/engine/queue-events.ts";
import { QUEUE_OPTIONS } from "../../src/background/engine/queue-options.ts";
import { ROOT } from "../examples/program.ts";
import { readPage } from "./markdown.ts";

const ERRORS = "docs/reference/errors.md";

test("the reference has every code of a JobError, those of what was handed in apart", () => {
  const [all = ""] =
    /const INPUT_CODES =[\s\S]*?export type JobErrorCode =[^;]*/.exec(textOf("src/background/core/errors.ts")) ?? [];
  const codes = found(all, /"(\w+)"/g) as JobErrorCode[];
  const isInput = (code: JobErrorCode) => new JobError(code, "").isInputError;
  expect(codesBelow(ERRORS, "## Invalid input")).toEqual(codes.filter(isInput).sort());
  expect(codesBelow(ERRORS, "## Other errors")).toEqual(codes.filter((code) => !isInput(code)).sort());
});

test("the reference has every code that the REST API answers by itself", () => {
  const codes = globSync("src/http/**/*.ts", { cwd: ROOT }).flatMap((file) =>
    found(textOf(file), /new HttpError\(\s*\d+,\s*"(\w+)"/g),
  );
  expect(codesBelow(ERRORS, "## REST API")).toEqual([...new Set(codes)].sort());
});

test("the guide to operating has every warning of every store and of the engine", () => {
  const files = globSync(["src/background/{core,stores/*}/*.ts", "src/background/engine/health.ts"], { cwd: ROOT });
  const sources = files.map(textOf).filter((source) => source.includes("HealthWarning"));
  const codes = sources.flatMap((source) => found(source, /(?:\bwarn\(\s*|\bcode: )"(\w+)"/g));
  // Two stores may warn of the same.
  expect(codesBelow("docs/guides/operations.md", "## Warnings")).toEqual([...new Set(codes)].sort());
});

test("the page of causes has every cause that an explanation gives", () => {
  const union = /export type CauseCode =([\s\S]*?);/.exec(textOf("src/background/core/explanation.ts"))?.[1] ?? "";
  expect(codesBelow("docs/reference/causes.md", "# Causes")).toEqual(found(union, /"(\w+)"/g).sort());
});

test("the guide to monitoring has every metric that is recorded by itself", () => {
  const names = found(textOf("src/monitoring/registry.ts"), /"(rapidai_\w+)"/g);
  expect(codesBelow("docs/guides/monitoring.md", "## Prometheus")).toEqual(names.sort());
});

test("the guide to queues has every option and every event", () => {
  expect(codesBelow("docs/guides/queues.md", "# Queues")).toEqual([...QUEUE_OPTIONS].sort());
  expect(codesBelow("docs/guides/queues.md", "## Events")).toEqual([...EVENT_NAMES].sort());
});

function textOf(file: string): string {
  return readFileSync(`${ROOT}${file}`, "utf8");
}

function found(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, code = ""]) => code);
}

/** The codes in the first column of the first table below a heading. */
function codesBelow(file: string, heading: string): string[] {
  const lines = readPage(file).prose.map(({ text }) => text);
  const below = lines.slice(lines.indexOf(heading) + 1);
  const start = below.findIndex((line) => line.startsWith("|"));
  const length = below.slice(start).findIndex((line) => !line.startsWith("|"));
  const rows = below.slice(start + 2, length === -1 ? undefined : start + length);
  return rows.flatMap((row) => found(row.split("|")[1] ?? "", /`(\w+)`/g)).sort();
}
