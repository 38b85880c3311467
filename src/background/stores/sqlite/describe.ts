import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { HealthWarning, StoreReport } from "../../core/store.ts";
import { timeAheadWarning } from "../../core/time-ahead.ts";
import type { Durability } from "./connection.ts";
import { isMountPoint } from "./mount.ts";

/** The facts about a queue's file that matter to an operator. */
export interface FileFacts {
  readonly path: string;
  readonly journalMode: string;
  readonly durability: Durability;
  readonly fileBytes: number;
  readonly walBytes: number;
  /** Free space on its disk. */
  readonly freeBytes: number;
  /** The kind of its file system, as statfs(2) numbers it. */
  readonly fileSystem: number;
  /** Whether it is mounted without its folder. */
  readonly isMounted: boolean;
  readonly schemaVersion: number;
  readonly sqliteVersion: string;
  /** How far its time is ahead of the machine's clock, after that was set back. */
  readonly timeAheadMs: number;
}

const MIB = 1_048_576;
/** SQLite restarts its log at about 4 MiB (1,000 pages, `wal_autocheckpoint`), unless a reader prevents it. */
const LARGE_WAL_BYTES = 64 * MIB;
const LITTLE_ROOM_BYTES = 256 * MIB;
/** The value with which each commit waits for the disk: https://sqlite.org/pragma.html#pragma_synchronous */
const FULL = 2;
/** NFS, SMB, CIFS and SMB 2: https://man7.org/linux/man-pages/man2/statfs.2.html */
const NETWORK_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42]);

/** The facts about the file at `realPath`, which the queue was given as `path`. */
export function factsOf(db: DatabaseSync, path: string, realPath: string): Omit<FileFacts, "timeAheadMs"> {
  const { bavail, bsize, type } = statfsSync(dirname(realPath));
  return {
    path,
    journalMode: String(db.prepare("PRAGMA journal_mode").get()?.journal_mode),
    durability: db.prepare("PRAGMA synchronous").get()?.synchronous === FULL ? "full" : "normal",
    fileBytes: sizeOf(realPath),
    walBytes: sizeOf(`${realPath}-wal`),
    freeBytes: bavail * bsize,
    fileSystem: type,
    isMounted: isMountPoint(realPath),
    schemaVersion: Number(db.prepare("SELECT max(version) AS version FROM rapidai_schema").get()?.version),
    sqliteVersion: String(db.prepare("SELECT sqlite_version() AS version").get()?.version),
  };
}

export function reportOf({ fileSystem, isMounted, ...facts }: FileFacts): StoreReport {
  const { path, journalMode, walBytes, freeBytes, timeAheadMs } = facts;
  const warnings: HealthWarning[] = [];
  const warn = (code: string, message: string, remedy: string) => warnings.push({ code, message, remedy });
  if (journalMode !== "wal") {
    warn(
      "not_wal",
      `The journal mode of ${path} is ${journalMode}: readers and the writer block each other.`,
      "Keep the file on a local disk, and make sure that no other program changes its journal mode.",
    );
  }
  if (walBytes > LARGE_WAL_BYTES) {
    warn(
      "wal_large",
      `The write-ahead log of ${path} has grown to ${inMib(walBytes)}: a program reads the file and does not end its transaction.`,
      "Find the programs that have the file open (fuser, lsof), and end those that only read it.",
    );
  }
  if (freeBytes < LITTLE_ROOM_BYTES) {
    warn(
      "disk_nearly_full",
      `The disk of ${path} has ${inMib(freeBytes)} left; once it is full, no jobs are accepted.`,
      "Free space on it, or lower the queue's retention. While some space is left, rapidai prune makes room for new jobs by removing finished ones.",
    );
  }
  if (NETWORK_FILE_SYSTEMS.has(fileSystem)) {
    warn(
      "network_file_system",
      `${path} is on a network file system, where SQLite's locks cannot be trusted: two workers may claim the same job.`,
      "Move the file to a local disk, or, for several machines, use a RedisQueue.",
    );
  }
  if (isMounted) {
    warn(
      "file_mounted",
      `${path} is mounted without its folder, so its log is in this container alone: jobs may be lost with it, and another container that uses the file will damage it.`,
      "Mount the folder of the file instead.",
    );
  }
  const ahead = timeAheadWarning("The machine's clock was set back", `the time of ${path}`, timeAheadMs);
  if (ahead !== undefined) warnings.push(ahead);
  return { details: facts, warnings };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
