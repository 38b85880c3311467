// What is sent: this repository's own texts.

import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A text to analyze, and what the demonstration does to its job. */
export interface Document {
  readonly name: string;
  readonly text: string;
  /** How many times the archive fails to read it. */
  readonly failures: number;
  /** How far its job may come before it is cancelled; 1 is the end. */
  readonly cancelAt: number;
  /** How far its job may come before its worker is killed; 1 is the end. */
  readonly killAt: number;
}

const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
const MEGABYTE = 1_000_000;
const UNHARMED = { failures: 0, cancelAt: 1, killAt: 1 };
const MAX_MARKDOWN_FILES = 8;

/** @param isShared whether there is a worker process that can be killed */
export function documents(isShared: boolean): readonly Document[] {
  const sources = globSync("src/**/*.ts", { cwd: ROOT })
    .sort()
    .map((file) => read(file))
    .join("\n");
  // Sorted, those at the root come first.
  const markdown = globSync(["*.md", "docs/guides/*.md"], { cwd: ROOT })
    .map((file) => ({ name: file.replaceAll("\\", "/"), text: read(file), ...UNHARMED }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MAX_MARKDOWN_FILES);
  return [
    ...markdown,
    { ...UNHARMED, name: "shaky archive", text: sources, failures: 2 },
    { ...UNHARMED, name: "5 MB of sources", text: repeated(sources, 5 * MEGABYTE), killAt: isShared ? 0.3 : 1 },
    { ...UNHARMED, name: "12 MB of sources", text: repeated(sources, 12 * MEGABYTE), cancelAt: 0.3 },
  ];
}

function read(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
}

function repeated(text: string, length: number): string {
  return text.repeat(Math.ceil(length / text.length));
}
