import { readLines } from "./markdown.ts";

/**
 * The text that a reference such as `examples/retries.ts` or `examples/retries.ts#more` stands for: the region named
 * behind the #, else the region that has the file's own name, else the whole file.
 */
export function textOf(reference: string): string {
  const [file = "", named] = reference.split("#");
  const lines = readLines(file);
  const ownName = file.replace(/^.*\//, "").replace(/\.ts$/, "");
  const start = lines.findIndex((line) => line.trim() === `// #region ${named ?? ownName}`);
  if (start === -1) {
    if (named !== undefined) throw new Error(`${file} has no region "${named}".`);
    return lines.join("\n").trimEnd();
  }
  const length = lines.slice(start).findIndex((line) => line.trim() === "// #endregion");
  if (length === -1) throw new Error(`The region at ${file}:${start + 1} has no end.`);
  return withoutIndentation(lines.slice(start + 1, start + length)).join("\n");
}

function withoutIndentation(lines: readonly string[]): readonly string[] {
  const widths = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const width = Math.min(...widths);
  return lines.map((line) => line.slice(width));
}
