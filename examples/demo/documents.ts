// What is sent: this repository's own texts, as Markdown, HTML, PDF and Word.

import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pdfOf } from "./pdf.ts";
import { wordOf } from "./word.ts";

/** A document to process, and what the demonstration does to its job. */
export interface Document {
  /** Of its file. */
  readonly name: string;
  readonly content: Uint8Array;
  /** How many times the storage fails to give it out. */
  readonly failures: number;
  /** How far its job may come before it is cancelled; 1 is the end. */
  readonly cancelAt: number;
  /** How far its job may come before its worker is killed; 1 is the end. */
  readonly killAt: number;
}

const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
const MEGABYTE = 1_000_000;
const UNHARMED = { failures: 0, cancelAt: 1, killAt: 1 };

/** @param isShared whether there is a worker process that can be killed */
export async function documents(isShared: boolean): Promise<readonly Document[]> {
  const sources = globSync("src/**/*.ts", { cwd: ROOT })
    .sort()
    .map((file) => textOf(file))
    .join("\n");
  return [
    { ...UNHARMED, name: "README.md", content: bytesOf(textOf("README.md")) },
    { ...UNHARMED, name: "ARCHITECTURE.md", content: bytesOf(textOf("ARCHITECTURE.md")) },
    {
      ...UNHARMED,
      name: "leases.html",
      content: bytesOf(textOf("examples/document-processing/documents/leases.html")),
    },
    {
      ...UNHARMED,
      name: "retries.pdf",
      content: await pdfOf("Failing and retrying", textOf("docs/guides/retries.md")),
    },
    { ...UNHARMED, name: "queues.docx", content: await wordOf("Queues", textOf("docs/guides/queues.md")) },
    { ...UNHARMED, name: "shaky storage.md", content: bytesOf(textOf("docs/guides/tasks.md")), failures: 2 },
    {
      ...UNHARMED,
      name: "5 MB of sources.txt",
      content: bytesOf(repeated(sources, 5 * MEGABYTE)),
      killAt: isShared ? 0.3 : 1,
    },
    { ...UNHARMED, name: "12 MB of sources.txt", content: bytesOf(repeated(sources, 12 * MEGABYTE)), cancelAt: 0.3 },
  ];
}

function textOf(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function repeated(text: string, length: number): string {
  return text.repeat(Math.ceil(length / text.length)).slice(0, length);
}
