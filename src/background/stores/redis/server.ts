import { JobError } from "../../core/errors.ts";

/** What a Redis server says of itself, as far as it matters for jobs. */
export interface RedisServer {
  readonly version: string;
  readonly role: string;
  /** What it does when its memory is full. */
  readonly evictionPolicy: string;
  /** Whether it writes an append-only file. */
  readonly isAppendOnly: boolean;
  /** What a crash of the server may take, and other matters to look at. */
  readonly warnings: readonly string[];
}

/** The oldest version with all commands that the scripts use. */
const OLDEST = [6, 2];

/** Reads the answer to INFO. */
export function serverOf(info: string): RedisServer {
  const lines = new Map(info.split("\r\n").map((line) => line.split(":", 2) as [string, string]));
  const evictionPolicy = lines.get("maxmemory_policy") ?? "unknown";
  const isAppendOnly = lines.get("aof_enabled") === "1";
  const role = lines.get("role") ?? "unknown";
  const warnings: string[] = [];
  if (!isAppendOnly) {
    warnings.push(
      "Redis writes no append-only file: a crash of it takes the jobs since its last snapshot. Set appendonly yes.",
    );
  } else if (lines.get("aof_last_write_status") === "err") {
    warnings.push("Redis could not write its append-only file: look at its disk.");
  }
  if (lines.get("rdb_last_bgsave_status") === "err")
    warnings.push("Redis could not save its last snapshot: look at its disk.");
  if (evictionPolicy !== "noeviction" && evictionPolicy !== "unknown") {
    warnings.push(
      `Redis removes keys when its memory is full (maxmemory-policy ${evictionPolicy}), jobs too. Set noeviction.`,
    );
  }
  if (role === "slave") warnings.push("This Redis is a replica and takes no writes: connect to the primary.");
  return {
    // Valkey tells the Redis version that it is compatible with, too.
    version: lines.get("valkey_version") ?? lines.get("redis_version") ?? "unknown",
    role,
    evictionPolicy,
    isAppendOnly,
    warnings,
  };
}

/** @throws JobError when jobs would not be safe there */
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
  if (!isEvictionAllowed && !["noeviction", "unknown"].includes(server.evictionPolicy)) {
    throw new JobError(
      "unsafe_backend",
      `Redis at ${where} removes keys when its memory is full (maxmemory-policy ${server.evictionPolicy}), and jobs would vanish: set maxmemory-policy noeviction, or say allowEviction: true.`,
    );
  }
}
