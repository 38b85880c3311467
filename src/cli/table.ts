import type { Style, Terminal } from "./terminal.ts";
import { cutTo, widthOf } from "./text-width.ts";

/** A table cell. The text must be safe for a terminal; the style does not count towards its width. */
export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

const GAP = 2;

/**
 * Prints a table: on a terminal aligned and with a heading, its rows truncated to the terminal's width; else as rows of
 * fields separated by tabs, without a heading.
 */
export function sayTable(
  terminal: Terminal,
  heading: readonly string[],
  rows: readonly (readonly Cell[])[],
  alignRight: ReadonlySet<number> = new Set(),
): void {
  if (!terminal.isInteractive) {
    for (const row of rows) terminal.say(row.map(({ text }) => text).join("\t"));
    return;
  }
  const widths = heading.map((name, column) =>
    Math.max(widthOf(name), ...rows.map((row) => widthOf(row[column]?.text ?? ""))),
  );
  const say = (row: readonly Cell[]) => {
    let left = terminal.width;
    let line = "";
    for (const [column, { text, style }] of row.entries()) {
      if (column > 0) {
        left -= GAP;
        if (left > 0) line += " ".repeat(GAP);
      }
      if (left <= 0) break;
      const cut = cutTo(text, left);
      const padding = " ".repeat(Math.max(0, Math.min(widths[column] as number, left) - widthOf(cut)));
      const painted = style === undefined ? cut : terminal.paint(style, cut);
      const isLast = column === row.length - 1;
      line += alignRight.has(column) ? padding + painted : painted + (isLast ? "" : padding);
      left -= Math.max(widths[column] as number, widthOf(cut));
    }
    terminal.say(line);
  };
  say(heading.map((text) => ({ text, style: "dim" })));
  for (const row of rows) say(row);
}
