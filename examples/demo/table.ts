import { seconds, stateOf } from "./state.ts";
import type { Sent } from "./watch.ts";

const HEADER = ["document", "words", "sections", "links", "to read", "attempts", "took", "most frequent"] as const;

/** The results as aligned columns, cut to the width of the terminal. */
export function tableOf(sent: readonly Sent[], width: number): string {
  const rows = [HEADER, ...sent.map(rowOf)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => lineOf(row, widths).slice(0, width)).join("\n");
}

function rowOf(one: Sent): readonly string[] {
  const { job } = one;
  const { name } = one.document;
  const { result, attempts, duration } = job;
  const took = [String(attempts), seconds(duration)];
  if (result === null) return [name, "", "", "", "", ...took, stateOf(one, Date.now())];
  const { words, sections, links, readingMinutes, terms } = result;
  const counts = [words, sections, links].map((count) => count.toLocaleString("en"));
  return [name, ...counts, `${readingMinutes.toLocaleString("en")} min`, ...took, terms.join(", ")];
}

/** Text to the left, numbers to the right. */
function lineOf(row: readonly string[], widths: readonly number[]): string {
  const isText = (column: number) => column === 0 || column === row.length - 1;
  const cells = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return isText(column) ? cell.padEnd(width) : cell.padStart(width);
  });
  return cells.join("  ").trimEnd();
}
