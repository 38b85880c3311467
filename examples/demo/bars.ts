import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import type { Display } from "./display.ts";
import { stateOf } from "./state.ts";
import type { Sent } from "./watch.ts";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_LINE = "\x1b[K";
const MAX_BAR = 30;
/** A narrower bar shows nothing that the percentage does not. */
const MIN_BAR = 8;
const STATE_WIDTH = 40;

const COLORS = { pending: "yellow", running: "cyan", completed: "green", cancelled: "gray", failed: "red" } as const;

/** One line for each job, redrawn in place. */
export class Bars implements Display {
  readonly #stdout: WriteStream;
  #drawn = 0;

  constructor(stdout: WriteStream) {
    this.#stdout = stdout;
  }

  show(sent: readonly Sent[]): void {
    const start = this.#drawn === 0 ? HIDE_CURSOR : `\x1b[${this.#drawn}A`;
    const nameWidth = Math.max(...sent.map(({ document }) => document.name.length));
    const lines = sent.map((one) => this.#line(one, nameWidth) + CLEAR_LINE);
    this.#drawn = lines.length;
    this.#stdout.write(`${start}${lines.join("\n")}\n`);
  }

  end(): void {
    if (this.#drawn > 0) this.#stdout.write(SHOW_CURSOR);
    this.#drawn = 0;
  }

  /** Always narrower than the terminal: a line that wraps cannot be redrawn. */
  #line(one: Sent, nameWidth: number): string {
    const { document, job } = one;
    const room = Math.max(0, this.#stdout.columns - 1);
    const barWidth = Math.min(MAX_BAR, room - nameWidth - STATE_WIDTH - 4);
    const bar = barWidth < MIN_BAR ? "" : `  ${barOf(job.progress?.fraction ?? 0, barWidth)}`;
    const line = `${document.name.padEnd(nameWidth)}${bar}  ${stateOf(one, Date.now())}`.slice(0, room);
    // styleText respects NO_COLOR and what the terminal supports.
    return line.slice(0, nameWidth) + styleText(COLORS[job.status], line.slice(nameWidth));
  }
}

function barOf(fraction: number, width: number): string {
  const filled = Math.round(fraction * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}
