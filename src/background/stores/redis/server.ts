import { JobError } from "../../core/errors.ts";

/** What a Redis server reports about itself, as far as it matters for jobs. */
export interface RedisServer {
  readonly kind: "redis" | "valkey";
  readonly version: string;
  /** `master`, or `slave` for a replica. */
  readonly role: string;
  readonly replicas: number;
  /** Its `maxmemory-policy`: what it does when its memory is full. */
  readonly evictionPolicy: string;
  /** Whether it writes an append-only file. */
  readonly isAppendOnly: boolean;
  readonly isAppendOnlyFailing: boolean;
  readonly isSnapshotFailing: boolean;
  readonly usedMemoryBytes: number;
  /** 0 for no limit. */
  readonly maxMemoryBytes: number;
  readonly upSeconds: number;
}

/** The oldest version with all commands that the scripts use. */
const OLDEST = [6, 2];

/** Reads the answer to INFO. */
export function serverOf(info: string): RedisServer {
  const lines = new Map(info.split("\r\n").map((line) => line.split(":", 2) as [string, string]));
  const number = (name: string) => Number(lines.get(name)) || 0;
  const valkey = lines.get("valkey_version");
  return {
    kind: valkey === undefined ? "redis" : "valkey",
    // Valkey also reports the Redis version that it is compatible with.
    version: valkey ?? lines.get("redis_version") ?? "unknown",
    role: lines.get("role") ?? "unknown",
    replicas: number("connected_slaves"),
    evictionPolicy: lines.get("maxmemory_policy") ?? "unknown",
    isAppendOnly: lines.get("aof_enabled") === "1",
    isAppendOnlyFailing: lines.get("aof_last_write_status") === "err",
    isSnapshotFailing: lines.get("rdb_last_bgsave_status") === "err",
    usedMemoryBytes: number("used_memory"),
    maxMemoryBytes: number("maxmemory"),
    upSeconds: number("uptime_in_seconds"),
  };
}

/** Whether a full server evicts keys, and jobs with them; `false` if the server does not reveal its policy. */
export function evicts({ evictionPolicy }: RedisServer): boolean {
  return !["noeviction", "unknown"].includes(evictionPolicy);
}

/** @throws JobError `queue_unavailable` if the version is too old, `unsafe_backend` if the server may evict jobs */
export function checkServer(server: RedisServer, where: string, isEvictionAllowed: boolean): void {
  const [major = 0, minor = 0] = server.version.split(".").map(Number);
  if (
    server.version !== "unknown" &&
    (major < (OLDEST[0] as number) || (major === OLDEST[0] && minor < (OLDEST[1] as number)))
  ) {
    throw new JobError(
      "queue_unavailable",
      `Redis at ${where} is version ${server.version}: use ${OLDEST.join(".")} or newer, or Valkey.`,
    );
  }
  if (!isEvictionAllowed && evicts(server)) {
    throw new JobError(
      "unsafe_backend",
      `Redis at ${where} evicts keys when its memory is full (maxmemory-policy ${server.evictionPolicy}), so jobs could be lost: set maxmemory-policy noeviction, or accept it with allowEviction: true, on the command line --allow-eviction.`,
    );
  }
}
