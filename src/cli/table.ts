import type { Style, Terminal } from "./terminal.ts";
import { cutTo, widthOf } from "./text-width.ts";

/** A table cell. The text must be safe for a terminal; the style does not count towards its width. */
export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** How a table is laid out on a terminal. */
export interface Layout {
  /** The column of names, which may be so long that nothing else would be visible. */
  readonly names: number;
  /** The number of leading columns that names are cut for. */
  readonly kept: number;
  readonly alignRight?: ReadonlySet<number>;
  /** The first of the columns that get a second line, indented, where the last one would hardly be visible. */
  readonly second?: number;
}

const GAP = 2;
/** What is left of names at least. */
const SHORTEST_NAME = 12;
/** What the last column needs in order to be of use. */
const SHORTEST_LAST = 24;

/**
 * Prints a table: on a terminal aligned and with a heading, its rows truncated to the terminal's width; else as rows of
 * fields separated by tabs, without a heading.
 */
export function sayTable(
  terminal: Terminal,
  heading: readonly string[],
  rows: readonly (readonly Cell[])[],
  { names, kept, alignRight, second }: Layout,
): void {
  if (!terminal.isInteractive) {
    for (const row of rows) terminal.say(row.map(({ text }) => text).join("\t"));
    return;
  }
  const widths = heading.map((name, column) =>
    Math.max(widthOf(name), ...rows.map((row) => widthOf(row[column]?.text ?? ""))),
  );
  const [name = 0] = widths.slice(names);
  const others = widths.slice(0, kept).reduce((sum, width) => sum + width + GAP, -name - GAP);
  widths[names] = Math.min(name, Math.max(SHORTEST_NAME, terminal.width - others));
  const say = (row: readonly Cell[], from: number, to: number) => {
    const indent = from === 0 ? 0 : Math.min(GAP, terminal.width);
    let left = terminal.width - indent;
    let line = " ".repeat(indent);
    for (let column = from; column < to; column++) {
      const { text, style } = row[column] as Cell;
      if (column > from) {
        left -= GAP;
        if (left > 0) line += " ".repeat(GAP);
      }
      if (left <= 0) break;
      const width = widths[column] as number;
      const room = Math.min(width, left);
      const cut = cutTo(text, room);
      const padding = " ".repeat(Math.max(0, room - widthOf(cut)));
      const painted = style === undefined ? cut : terminal.paint(style, cut);
      const isLast = column === to - 1;
      line += alignRight?.has(column) ? padding + painted : painted + (isLast ? "" : padding);
      left -= width;
    }
    terminal.say(line);
  };
  const last = widths.length - 1;
  const needed = widths.slice(0, last).reduce((sum, width) => sum + width + GAP, 0);
  const isSplit = second !== undefined && needed + Math.min(SHORTEST_LAST, widths[last] ?? 0) > terminal.width;
  for (const row of [heading.map((text): Cell => ({ text, style: "dim" })), ...rows]) {
    say(row, 0, isSplit ? second : row.length);
    if (isSplit) say(row, second, row.length);
  }
}
