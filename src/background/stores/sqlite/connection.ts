import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { JobError } from "../../core/errors.ts";
import { faultOf, isBusy } from "./faults.ts";
import { isMigrated, migrate } from "./schema.ts";
import { forgetStatistics } from "./statistics.ts";

/**
 * What a power failure may take. `full`: nothing that was acknowledged. `normal`: the commits of the last moments; the
 * file stays whole, and a crash of the process alone takes nothing.
 */
export type Durability = "full" | "normal";

/** How long a locked file is tried again, in milliseconds. */
const PATIENCE_MS = 2_000;

/** SQLite starts its log over at some 4 MiB, unless a reader is in its way; what the log has grown to beyond this is given back then. */
const MAX_IDLE_LOG_BYTES = 8_388_608;

/** Opens a queue's file and brings it to this release's schema; creates it if it is not there. */
export async function connect(path: string, durability: Durability): Promise<DatabaseSync> {
  let db: DatabaseSync | undefined;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new JobError("queue_unavailable", `${path} is a folder: give the queue the path of a file.`);
    }
    // Without a busy timeout: SQLite would sleep in it, and with it everything else on this thread.
    const opened = new DatabaseSync(path, { timeout: 0 });
    db = opened;
    // Read before anything is written: a file that is not ours stays as it is.
    const isReady = await whenFree(() => isMigrated(opened, path));
    await whenFree(() => opened.exec("PRAGMA journal_mode = WAL"));
    opened.exec(`PRAGMA journal_size_limit = ${MAX_IDLE_LOG_BYTES}`);
    opened.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    if (isReady) takeUp(opened);
    else await whenFree(() => inTransaction(opened, () => migrate(opened, path)));
    return opened;
  } catch (error) {
    db?.close();
    throw faultOf(error, path);
  }
}

/** Takes up a file that has the schema; fails on one that can only be read. */
function takeUp(db: DatabaseSync): void {
  try {
    // Changes nothing; a transaction alone would be let in as one that only reads.
    db.exec("DELETE FROM rapidai_schema WHERE false");
    forgetStatistics(db);
  } catch (error) {
    // Somebody else is writing it.
    if (!isBusy(error)) throw error;
  }
}

/** Runs a function inside one write transaction, all of it or nothing. */
export function inTransaction<T>(db: DatabaseSync, run: () => T): T {
  return within(db, "BEGIN IMMEDIATE", run);
}

/** Runs a function that only reads, all of it in one state of the file: others commit between two statements. */
export function inSnapshot<T>(db: DatabaseSync, run: () => T): T {
  return within(db, "BEGIN", run);
}

function within<T>(db: DatabaseSync, begin: string, run: () => T): T {
  db.exec(begin);
  try {
    const result = run();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // Some faults, a full disk among them, have ended the transaction already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Tries again while another connection is writing, until two seconds after `since`; once in any case. */
export async function whenFree<T>(run: () => T, since: number = performance.now()): Promise<T> {
  const giveUpAt = since + PATIENCE_MS;
  for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, 20)) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      await pause(waitMs * (0.5 + Math.random()));
    }
  }
}
