import { existsSync, realpathSync, type Stats, statSync } from "node:fs";
import { resolve as absolute } from "node:path";
import { JobError } from "../../core/errors.ts";

/**
 * How often to look which file the log is; whether there is one is asked each time. A look asks for the times of a file, too, and
 * Linux, from 6.13 on, notes exact ones with the next write after it: a commit then takes half as long again.
 */
const LOOK_AT_LOG_EVERY_MS = 100;

/**
 * Where a queue's file and its log lie. SQLite goes on with one that was deleted or replaced, and whatever it keeps from then on goes with
 * the process (https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use).
 */
export class Place {
  /** Without links on the way: SQLite keeps its log beside the file, not beside what leads to it. */
  readonly path: string;
  readonly #file: Stats | undefined;
  readonly #log: Stats | undefined;
  #lookedAt: number = performance.now();

  /** The file was just opened. A link on the way may lead elsewhere later, and the file is still where it was. */
  constructor(path: string) {
    this.path = realPathOf(path);
    this.#file = lookAt(this.path, undefined);
    this.#log = lookAt(`${this.path}-wal`, undefined);
  }

  /** @throws JobError `queue_unavailable` when the file or its log is not there any more, until it is again */
  check(): void {
    this.#checkFile();
    this.#checkLog();
  }

  #checkLog(): void {
    const log = `${this.path}-wal`;
    if (this.#log === undefined) return;
    if (existsSync(log) && performance.now() - this.#lookedAt < LOOK_AT_LOG_EVERY_MS) return;
    if (isSame(lookAt(log, this.#log), this.#log)) {
      this.#lookedAt = performance.now();
      return;
    }
    throw new JobError(
      "queue_unavailable",
      `The log ${log} of the queue's file was deleted or replaced while it was open, so nothing is read or kept any more: put it back, or end every program that uses the file, which writes into it what the log had, and start again.`,
    );
  }

  #checkFile(): void {
    const file = lookAt(this.path, this.#file);
    if (isSame(file, this.#file)) return;
    const isGone = file === undefined;
    const what = isGone ? "deleted or moved" : "replaced by another";
    // SQLite would take the log that is left for the new file's own, and write the old one's pages over it.
    const goOn = isGone
      ? "restart this program to go on with a new one"
      : `end every program that uses it, remove ${this.path}-wal, and start again to go on with that one`;
    throw new JobError(
      "queue_unavailable",
      `The queue's file ${this.path} was ${what} while it was open, so nothing is read or kept any more: put it back, or ${goOn}.`,
    );
  }
}

function isSame(file: Stats | undefined, before: Stats | undefined): boolean {
  return file?.ino === before?.ino && file?.dev === before?.dev;
}

/** Without links on the way; a file that is not there has none. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return absolute(path);
  }
}

/** `undefined` if there is none; what was seen `before` if this process has lost the right to look. */
function lookAt(path: string, before: Stats | undefined): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return before;
  }
}
