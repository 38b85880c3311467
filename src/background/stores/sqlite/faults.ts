import { JobError } from "../../core/errors.ts";
import { messageOf } from "../../core/failure.ts";
import { sentence } from "../../core/text.ts";

/** SQLite's primary result codes, https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;
const CORRUPT = 11;
/** No space for the log's index, which the first connection creates: https://sqlite.org/rescode.html#ioerr_shmsize */
const IOERR_SHMSIZE = 4_874;

function extendedCodeOf(error: unknown): unknown {
  return (error as { errcode?: unknown } | null)?.errcode;
}

function codeOf(error: unknown): number | undefined {
  const code = extendedCodeOf(error);
  if (code === IOERR_SHMSIZE) return FULL;
  // The upper bits are those of the extended code.
  return typeof code === "number" ? code & 0xff : undefined;
}

/** Whether another connection holds the lock, which will pass. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === BUSY || code === LOCKED;
}

/** The JobError for a failure of the file, with a message for an operator. */
export function faultOf(error: unknown, path: string): JobError {
  if (error instanceof JobError) return error;
  return new JobError("queue_unavailable", sentenceOf(error, path), { cause: error });
}

function sentenceOf(error: unknown, path: string): string {
  // Not even `stat` was permitted.
  const isForbidden = (error as NodeJS.ErrnoException | null)?.code === "EACCES";
  switch (isForbidden ? CANTOPEN : codeOf(error)) {
    case BUSY:
    case LOCKED:
      return `The queue's file ${path} was locked by another connection for too long: check whether a program that uses it, perhaps this one, keeps a transaction open.`;
    case READONLY:
      return `The queue's file ${path} cannot be written: check the permissions of the file and of its folder.`;
    case IOERR:
      // The code alone says which of thirty kinds it is.
      return `The disk of the queue's file ${path} failed (${messageOf(error)}, SQLite's code ${extendedCodeOf(error)}): check the disk, any quota on it, and the system's log.`;
    case FULL:
      return `The disk of the queue's file ${path} is full: free some space; nothing that was accepted is lost.`;
    case CANTOPEN:
      return `The queue's file ${path} cannot be opened: check that its folder exists and is writable.`;
    case NOTADB:
      return `The queue's file ${path} is not an SQLite database, and was left unchanged: use another file for the queue.`;
    case CORRUPT:
      return `The queue's file ${path} is damaged: restore it from a backup, or try to recover it with sqlite3's .recover.`;
    default:
      return sentence(`The queue's file ${path} cannot be used: ${messageOf(error)}`);
  }
}
