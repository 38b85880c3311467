import type { DatabaseSync, StatementSync } from "node:sqlite";
import { JobError } from "../../core/errors.ts";
import { idConflict } from "../../core/id-conflict.ts";
import type { NewJob } from "../../core/store.ts";
import { Enqueue } from "./enqueue.ts";
import { faultOf, isBusy } from "./faults.ts";
import { FileIdentity, realPathOf } from "./file-identity.ts";
import { isMigrated } from "./schema.ts";
import { SignalBuffer } from "./signal-buffer.ts";
import { plainStatements } from "./statements.ts";
import { Tables } from "./tables.ts";

interface Adopted {
  /** The queue's path, as given. */
  readonly path: string;
  /** Any of the connection's statements. */
  readonly statement: StatementSync;
  readonly file: FileIdentity;
  readonly tables: Tables;
  readonly enqueue: Enqueue;
}

const adopted = new WeakMap<DatabaseSync, Adopted>();

/**
 * Adds a job on a connection of the program's own: it exists once the transaction open there commits, which all
 * connections see, the queue's among them.
 *
 * @returns the time at which it was added: `now`, or the latest time of the file if that is later
 * @throws JobError `invalid_option` if the connection is closed or to another file, `queue_unavailable`, `id_conflict`
 */
export function enqueueOn(db: DatabaseSync, path: string, job: NewJob, now: number): number {
  if (db?.isOpen !== true) {
    throw new JobError("invalid_option", "enqueueWithin() takes an open DatabaseSync of node:sqlite.");
  }
  const isWithin = db.isTransaction;
  try {
    const { file, tables, enqueue } = adopt(db, path);
    file.check();
    // Nested in the open transaction, or without one a transaction of its own.
    db.exec("SAVEPOINT rapidai_enqueue");
    try {
      const at = tables.latestTime.continued(now);
      const [answer] = enqueue.run([job], at, new SignalBuffer());
      tables.conclude(at, at);
      if (answer === "conflict") throw idConflict(job);
      db.exec("RELEASE rapidai_enqueue");
      return at;
    } catch (error) {
      tables.forget();
      // Some errors, such as a full disk, have already rolled back the transaction.
      if (db.isTransaction) db.exec("ROLLBACK TO rapidai_enqueue; RELEASE rapidai_enqueue");
      throw error;
    }
  } catch (error) {
    throw isWithin && isBusy(error) ? lockedFault(error, path) : faultOf(error, path);
  }
}

function adopt(db: DatabaseSync, path: string): Adopted {
  const known = adopted.get(db);
  if (known?.path === path && isUsable(known.statement)) return known;
  const statements = plainStatements(db);
  const statement = statements.prepare("PRAGMA database_list");
  const file = statement.all().find(({ name }) => name === "main")?.file;
  if (typeof file !== "string" || realPathOf(file) !== realPathOf(path)) {
    throw new JobError(
      "invalid_option",
      `The connection is to ${String(file) || "no file"}, but the queue's file is ${path}: open the connection to the queue's file.`,
    );
  }
  if (!isMigrated(statements, path)) {
    throw new JobError(
      "queue_unavailable",
      `The file ${path} does not contain a queue yet: await queue.ready() before the first transaction.`,
    );
  }
  const tables = new Tables(statements);
  const made: Adopted = { path, statement, file: new FileIdentity(path), tables, enqueue: new Enqueue(tables) };
  adopted.set(db, made);
  return made;
}

/** Closing a connection finalizes its statements, and it may be opened again. */
function isUsable(statement: StatementSync): boolean {
  try {
    return statement.sourceSQL !== "";
  } catch {
    return false;
  }
}

/** For a transaction that began by reading, which waiting does not help; one that began by writing holds the lock. */
function lockedFault(cause: unknown, path: string): JobError {
  return new JobError(
    "queue_unavailable",
    `The open transaction on ${path} cannot write, because another connection has written or is writing: roll it back, and begin it with BEGIN IMMEDIATE.`,
    { cause },
  );
}
