import type { WriteStream } from "node:tty";
import { Bars } from "./bars.ts";
import { Lines } from "./lines.ts";
import type { Sent } from "./watch.ts";

/** Shows the progress of jobs. */
export interface Display {
  show(sent: readonly Sent[]): void;
  /** Restores the terminal; can be called more than once. */
  end(): void;
}

/** Bars on a terminal with room for them, plain lines everywhere else. */
export function displayFor(stdout: WriteStream, count: number): Display {
  const isDrawable = stdout.isTTY && process.env.TERM !== "dumb" && stdout.rows > count;
  return isDrawable ? new Bars(stdout) : new Lines((line) => stdout.write(`${line}\n`));
}
