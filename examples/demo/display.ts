import type { WriteStream } from "node:tty";
import { Bars } from "./bars.ts";
import { Lines } from "./lines.ts";
import type { Sent } from "./watch.ts";

/** Shows how far jobs have come. */
export interface Display {
  show(sent: readonly Sent[]): void;
  /** Leaves the terminal as it was; more than once is fine. */
  end(): void;
}

/** Bars on a terminal that has room for them, plain lines everywhere else. */
export function displayFor(stdout: WriteStream, count: number): Display {
  const isDrawable = stdout.isTTY && process.env.TERM !== "dumb" && stdout.rows > count;
  return isDrawable ? new Bars(stdout) : new Lines((line) => stdout.write(`${line}\n`));
}
