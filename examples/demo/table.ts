import { seconds, stateOf } from "./state.ts";
import type { Sent } from "./watch.ts";

const HEADER = ["document", "chunks", "attempts", "took"] as const;
const USAGE = ["tokens", "cost"] as const;
const LAST = "summary";

/** The results in aligned columns, cut to the terminal's width, with the language model's usage if there was one. */
export function tableOf(sent: readonly Sent[], width: number): string {
  const hasUsage = sent.some(({ job }) => job.usage !== null);
  const header = [...HEADER, ...(hasUsage ? USAGE : []), LAST];
  const rows = [header, ...sent.map((one) => rowOf(one, hasUsage))];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => lineOf(row, widths).slice(0, width)).join("\n");
}

function rowOf(one: Sent, hasUsage: boolean): readonly string[] {
  const { result, attempts, duration } = one.job;
  const numbers = [result === null ? "" : result.chunks.toLocaleString("en"), String(attempts), seconds(duration)];
  const usage = hasUsage ? usageOf(one) : [];
  const last = result === null ? stateOf(one, Date.now()) : result.summary.replaceAll(/\s+/g, " ");
  return [one.document.name, ...numbers, ...usage, last];
}

function usageOf({ job: { usage } }: Sent): readonly string[] {
  if (usage === null) return ["", ""];
  const tokens = (usage.inputTokens + usage.outputTokens).toLocaleString("en");
  return [tokens, usage.cost === null ? "unknown" : `$${usage.cost.toFixed(5)}`];
}

/** Aligns text left and numbers right. */
function lineOf(row: readonly string[], widths: readonly number[]): string {
  const isText = (column: number) => column === 0 || column === row.length - 1;
  const cells = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return isText(column) ? cell.padEnd(width) : cell.padStart(width);
  });
  return cells.join("  ").trimEnd();
}
