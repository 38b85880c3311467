import { existsSync, realpathSync, type Stats, statSync } from "node:fs";
import { resolve as absolute } from "node:path";
import { JobError } from "../../core/errors.ts";

/**
 * How often to `stat` the log; whether it exists is checked each time. On Linux 6.13 and newer, `stat` makes the next
 * write record exact timestamps, and a commit then takes half as long again.
 */
const STAT_LOG_EVERY_MS = 100;

/**
 * Detects that a queue's file or its log was deleted or replaced. SQLite would go on with the old one, and lose what it
 * writes (https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use).
 */
export class FileIdentity {
  /** With links resolved: SQLite keeps its log beside the file, not beside a link to it. */
  readonly path: string;
  readonly #file: Stats | undefined;
  readonly #log: Stats | undefined;
  #logCheckedAt: number = performance.now();

  /** To be called when the file has just been opened: links to it may change later. */
  constructor(path: string) {
    this.path = realPathOf(path);
    this.#file = statOf(this.path, undefined);
    this.#log = statOf(`${this.path}-wal`, undefined);
  }

  /** @throws JobError `queue_unavailable` while the file or its log is not the one that was opened */
  check(): void {
    this.#checkFile();
    this.#checkLog();
  }

  #checkLog(): void {
    const log = `${this.path}-wal`;
    if (this.#log === undefined) return;
    if (existsSync(log) && performance.now() - this.#logCheckedAt < STAT_LOG_EVERY_MS) return;
    if (isSame(statOf(log, this.#log), this.#log)) {
      this.#logCheckedAt = performance.now();
      return;
    }
    throw new JobError(
      "queue_unavailable",
      `The log ${log} of the queue's file was deleted or replaced while it was open, so nothing is read or stored any more: put it back, or end every program that uses the file, which writes the log's content into it, and start again.`,
    );
  }

  #checkFile(): void {
    const file = statOf(this.path, this.#file);
    if (isSame(file, this.#file)) return;
    const [what, next] = file === undefined ? ["deleted or moved", "a new one"] : ["replaced by another", "that one"];
    // SQLite would apply the remaining log to another file, and overwrite it with pages of this one.
    throw new JobError(
      "queue_unavailable",
      `The queue's file ${this.path} was ${what} while it was open, so nothing is read or stored any more: put it back, or end every program that uses it, remove ${this.path}-wal, and start again to continue with ${next}.`,
    );
  }
}

function isSame(file: Stats | undefined, before: Stats | undefined): boolean {
  return file?.ino === before?.ino && file?.dev === before?.dev;
}

/** The path with links resolved, or the absolute path if there is no such file. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return absolute(path);
  }
}

/** `undefined` if there is no such file; `before` if this process is no longer permitted to look. */
function statOf(path: string, before: Stats | undefined): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return before;
  }
}
