import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import type { Spread } from "./rounds.ts";

/** Describes the machine in one line, without which results mean little. */
export function machine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown"}, ${memory}, ${platform()} ${arch()}, node ${process.version}`;
}

export function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString("en")}/s`;
}

export function ms(time: number): string {
  return `${time.toFixed(2)} ms`;
}

export function spread({ median, min, max }: Spread, show: (figure: number) => string = rate): string {
  return `${show(median)} (${show(min)} to ${show(max)})`;
}

export function ratio(ours: Spread, theirs: Spread): string {
  return `${(ours.median / theirs.median).toFixed(2)} ×`;
}

/** Prints a Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  console.log([line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n"));
}
