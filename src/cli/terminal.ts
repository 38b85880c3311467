import { once } from "node:events";
import { styleText } from "node:util";
import { EXIT } from "./exit-code.ts";
import { safeJson } from "./safe-text.ts";
import { cutTo } from "./text-width.ts";

/** Styles of node:util's `styleText`. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

/** The output of a command. */
export class Terminal {
  /** The exit code that the process is to end with. */
  exitCode = 0;
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  #live = "";
  #isOutputOptional = false;
  #maxBuffered = Number.POSITIVE_INFINITY;
  #dropped = 0;

  constructor(out: NodeJS.WriteStream, err: NodeJS.WriteStream) {
    this.#out = out;
    this.#err = err;
    for (const stream of [out, err]) stream.on("error", (error) => this.#failed(error));
  }

  /**
   * Makes the command continue if its output can no longer be written.
   *
   * @param maxBuffered bytes that are buffered for a slow reader, beyond which lines are dropped. Default: no limit
   */
  continueUnread(maxBuffered: number = Number.POSITIVE_INFINITY): void {
    this.#isOutputOptional = true;
    this.#maxBuffered = maxBuffered;
  }

  /** How many lines were dropped since the last call; 0 while the buffer is still too full to report them. */
  takeDropped(): number {
    if (this.#isFull) return 0;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Whether the output goes to a terminal. */
  get isInteractive(): boolean {
    return this.#out.isTTY === true;
  }

  get width(): number {
    return this.#out.columns || 80;
  }

  /** Writes a line to stdout. */
  say(line: string): void {
    if (this.#isFull) {
      this.#dropped++;
      return;
    }
    this.#clear();
    this.#out.write(`${line}\n`);
    this.#draw();
  }

  /** Writes a value to stdout, as one line of JSON. */
  json(value: unknown): void {
    this.say(safeJson(value));
  }

  /** Waits until a slow reader has caught up, since a list may be larger than memory. */
  async drained(signal: AbortSignal): Promise<void> {
    // An interrupted command must not wait for a reader that has stalled.
    if (this.#out.writableNeedDrain) await once(this.#out, "drain", { signal }).catch(() => {});
  }

  /** Writes a line to stderr. */
  note(line: string): void {
    this.#clear();
    this.#err.write(`${line}\n`);
    this.#draw();
  }

  /** Shows a status line, which the next call replaces; only on a terminal. */
  live(line: string): void {
    if (!this.isInteractive || this.#isFull) return;
    this.#clear();
    this.#live = line === "" ? "" : cutTo(line, this.width - 1);
    this.#draw();
  }

  /** Styles a text if stdout supports it and NO_COLOR is not set. */
  paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  get #isFull(): boolean {
    return this.#out.writableLength > this.#maxBuffered;
  }

  #clear(): void {
    if (this.#live !== "") this.#out.write("\r\x1b[2K");
  }

  #draw(): void {
    if (this.#live !== "") this.#out.write(this.#live);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#isOutputOptional) return;
    // The reader has ended, as in `rapidai list | head -1`.
    if (error.code === "EPIPE") process.exit(0);
    this.#isOutputOptional = true;
    this.#err.write(`rapidai: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  }
}
