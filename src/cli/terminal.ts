import { once } from "node:events";
import { styleText } from "node:util";
import { EXIT } from "./exit-code.ts";
import { safeJson } from "./safe-text.ts";
import { cutTo } from "./text-width.ts";

/** Names of styles that `styleText` of node:util knows. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

/** Where a command's output goes, and what can be shown there. */
export class Terminal {
  /** What the process is to end with. */
  exitCode = 0;
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  #live = "";
  #isDispensable = false;
  #mostWaiting = Number.POSITIVE_INFINITY;
  #dropped = 0;

  constructor(out: NodeJS.WriteStream, err: NodeJS.WriteStream) {
    this.#out = out;
    this.#err = err;
    for (const stream of [out, err]) stream.on("error", (error) => this.#failed(error));
  }

  /**
   * From now on there is more to do than to write, and what can no longer be taken is dropped.
   *
   * @param mostWaiting bytes of answers that may wait to be taken, before lines are dropped as well
   */
  goOnUnread(mostWaiting: number = Number.POSITIVE_INFINITY): void {
    this.#isDispensable = true;
    this.#mostWaiting = mostWaiting;
  }

  /** Lines that were dropped since this was asked last; 0 while there is no room to say so. */
  takeDropped(): number {
    if (this.#isFull) return 0;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Whether a person looks at what is written, rather than a program. */
  get isInteractive(): boolean {
    return this.#out.isTTY === true;
  }

  get width(): number {
    return this.#out.columns || 80;
  }

  /** Writes a line of the answer. */
  say(line: string): void {
    if (this.#isFull) {
      this.#dropped++;
      return;
    }
    this.#clear();
    this.#out.write(`${line}\n`);
    this.#draw();
  }

  /** Writes a value of the answer as one line of JSON. */
  json(value: unknown): void {
    this.say(safeJson(value));
  }

  /** Resolves once whoever reads has taken what was written: a list may be larger than memory. */
  async taken(signal: AbortSignal): Promise<void> {
    // Who is interrupted does not wait for a reader that never comes.
    if (this.#out.writableNeedDrain) await once(this.#out, "drain", { signal }).catch(() => {});
  }

  /** Writes a line that is no part of the answer. */
  note(line: string): void {
    this.#clear();
    this.#err.write(`${line}\n`);
    this.#draw();
  }

  /** Shows a line that the next one takes the place of; only where a person looks. */
  live(line: string): void {
    if (!this.isInteractive || this.#isFull) return;
    this.#clear();
    this.#live = line === "" ? "" : cutTo(line, this.width - 1);
    this.#draw();
  }

  /** The text in a style, where the answer goes to a terminal that shows styles and NO_COLOR is not set. */
  paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  get #isFull(): boolean {
    return this.#out.writableLength > this.#mostWaiting;
  }

  #clear(): void {
    if (this.#live !== "") this.#out.write("\r\x1b[2K");
  }

  #draw(): void {
    if (this.#live !== "") this.#out.write(this.#live);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#isDispensable) return;
    // Whoever read has seen enough: `rapidai list | head -1`.
    if (error.code === "EPIPE") process.exit(0);
    this.#isDispensable = true;
    this.#err.write(`rapidai: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  }
}
