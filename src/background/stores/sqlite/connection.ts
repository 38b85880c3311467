import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { JobError } from "../../core/errors.ts";
import { faultOf, isBusy } from "./faults.ts";
import { refuseLeftoverLog } from "./leftover-log.ts";
import { isMigrated, migrate } from "./schema.ts";
import { forgetStatistics } from "./statistics.ts";

/**
 * What a power failure may lose. `full`: nothing that was acknowledged. `normal`: the latest commits. Either way the file
 * stays intact, and a crash of the process alone loses nothing.
 */
export type Durability = "full" | "normal";

/** How long to retry while the file is locked, in milliseconds. */
const BUSY_TIMEOUT_MS = 2_000;

/** How often to try even so: for about a tenth of a second. */
const MIN_TRIES = 10;

/** SQLite restarts its log at about 4 MiB unless a reader prevents it; a larger log is then cut to this size. */
const MAX_IDLE_LOG_BYTES = 8_388_608;

/** Opens a queue's file, creates it if missing, and migrates it to this release's schema. */
export async function connect(path: string, durability: Durability): Promise<DatabaseSync> {
  let db: DatabaseSync | undefined;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new JobError("queue_unavailable", `The queue's path ${path} is a folder: use the path of a file.`);
    }
    refuseLeftoverLog(path);
    // Without SQLite's busy timeout, which would block this thread.
    const opened = new DatabaseSync(path, { timeout: 0 });
    db = opened;
    // Reads before it writes anything, so that a file that is not ours stays unchanged.
    const isReady = await whenFree(() => isMigrated(opened, path));
    await whenFree(() => opened.exec("PRAGMA journal_mode = WAL"));
    opened.exec(`PRAGMA journal_size_limit = ${MAX_IDLE_LOG_BYTES}`);
    opened.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    // What undoes a single statement that fails: otherwise a file in /tmp, which a container may not let it write.
    opened.exec("PRAGMA temp_store = MEMORY");
    if (isReady) checkWritable(opened);
    else await whenFree(() => inTransaction(opened, () => migrate(opened, path)));
    return opened;
  } catch (error) {
    db?.close();
    throw faultOf(error, path);
  }
}

/** Fails on a file that can only be read; also discards statistics that mislead the planner. */
function checkWritable(db: DatabaseSync): void {
  try {
    // Changes nothing, but needs a write lock: BEGIN alone succeeds on a read-only file.
    db.exec("DELETE FROM rapidai_schema WHERE false");
    forgetStatistics(db);
  } catch (error) {
    // Another connection is writing, so the file is writable.
    if (!isBusy(error)) throw error;
  }
}

/** Runs a function in a write transaction, which is rolled back if it throws. */
export function inTransaction<T>(db: DatabaseSync, run: () => T): T {
  return within(db, "BEGIN IMMEDIATE", run);
}

/** Runs a function that only reads in one snapshot of the file, unaffected by commits between its statements. */
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
    // Some errors, such as a full disk, have already rolled it back.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/**
 * Retries while another connection is writing, until two seconds after `since`, but tries for a moment at least: a
 * process that stood still for as long meets one short write of another at its first try.
 */
export async function whenFree<T>(run: () => T, since: number = performance.now()): Promise<T> {
  const giveUpAt = since + BUSY_TIMEOUT_MS;
  for (let tries = 1, waitMs = 1; ; tries++, waitMs = Math.min(2 * waitMs, 20)) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error) || (performance.now() > giveUpAt && tries >= MIN_TRIES)) throw error;
      await pause(waitMs * (0.5 + Math.random()));
    }
  }
}
