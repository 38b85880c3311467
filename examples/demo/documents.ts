// The documents that are sent: this repository's own texts, as Markdown, HTML, PDF and Word.

import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pdfOf } from "./pdf.ts";
import { wordOf } from "./word.ts";

/** A document to process, and what the demo does to its job. */
export interface Document {
  /** The file's name. */
  readonly name: string;
  readonly content: Uint8Array;
  /** How many times the storage fails to return it. */
  readonly failures: number;
  /** The progress at which its job is cancelled; 1 is the end. */
  readonly cancelAt: number;
  /** The progress at which its worker is killed; 1 is the end. */
  readonly killAt: number;
}

const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
const MEGABYTE = 1_000_000;
const UNHARMED = { failures: 0, cancelAt: 1, killAt: 1 };

/** @param isShared whether there is a worker process to kill */
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
      content: await pdfOf("Errors and retries", textOf("docs/guides/retries.md")),
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
