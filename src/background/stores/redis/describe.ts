import type { TimeSource } from "../../core/clock.ts";
import type { HealthWarning, StoreReport } from "../../core/store.ts";
import { listed } from "../../core/text.ts";
import { timeAheadWarning } from "../../core/time-ahead.ts";
import { FOREIGN_KEYS } from "./foreign-keys.ts";
import { type Link, REPEATABLE, SHORT } from "./link.ts";
import { evicts, type RedisServer, serverOf } from "./server.ts";

/** What is known about a server, from itself and from how the queue uses it. */
export interface ServerFacts {
  readonly server: RedisServer;
  /** `always`, `everysec` or `no`; `unknown` if the server does not reveal its settings, like many hosted ones. */
  readonly appendFsync: string;
  /** By how much the server's clock is ahead of this process's, in milliseconds. */
  readonly clockDifferenceMs: number;
  /** By how much the queue's time is ahead of the server's clock, in milliseconds, after that was set back. */
  readonly timeAheadMs: number;
  readonly where: string;
  readonly prefix: string;
  /** Replicas that must have a job before it is acknowledged. */
  readonly wantedReplicas: number;
  /** Keys of another type in place of the queue's own. */
  readonly foreignKeys: readonly string[];
}

const NEARLY_FULL = 0.9;
/** Most foreign keys that the report names. */
const MAX_NAMED = 3;
/** Clocks set by NTP differ by less than a second. */
const CLOCK_DIFFERENCE_MS = 5_000;

/** What the server itself knows; `base` is the beginning of the queue's keys, and `clock` is `null` for the server's. */
export async function factsOf(
  link: Link,
  base: string,
  clock: TimeSource | null,
): Promise<Omit<ServerFacts, "where" | "prefix" | "wantedReplicas">> {
  const [info, appendFsync, clocks, foreignKeys] = await Promise.all([
    link.command(["INFO"], REPEATABLE),
    appendFsyncOf(link),
    clocksOf(link, base, clock),
    link.script(FOREIGN_KEYS, [""], REPEATABLE),
  ]);
  return { server: serverOf(String(info)), appendFsync, ...clocks, foreignKeys: foreignKeys as string[] };
}

async function appendFsyncOf(link: Link): Promise<string> {
  try {
    const reply = await link.command(["CONFIG", "GET", "appendfsync"], SHORT);
    return (Array.isArray(reply) && typeof reply[1] === "string" && reply[1]) || "unknown";
  } catch {
    // Not permitted on hosted servers and to users with few rights.
    return "unknown";
  }
}

async function clocksOf(
  link: Link,
  base: string,
  clock: TimeSource | null,
): Promise<Pick<ServerFacts, "clockDifferenceMs" | "timeAheadMs">> {
  const askedAt = Date.now();
  const [time, latest] = await Promise.all([
    link.command(["TIME"], REPEATABLE),
    link.command(["GET", `${base}n`], REPEATABLE).catch(() => null),
  ]);
  const [seconds, micros] = time as string[];
  const serverNow = Number(seconds) * 1_000 + Number(micros) / 1_000;
  const told = Number.parseInt(String(latest), 10) || 0;
  return {
    clockDifferenceMs: Math.round(serverNow - (askedAt + Date.now()) / 2),
    timeAheadMs: Math.max(0, Math.round(told - (clock?.now() ?? serverNow))),
  };
}

export function reportOf(facts: ServerFacts): StoreReport {
  const { server, appendFsync, clockDifferenceMs, timeAheadMs, where, prefix, wantedReplicas, foreignKeys } = facts;
  return {
    details: {
      server: server.kind,
      version: server.version,
      url: where,
      prefix,
      role: server.role === "slave" ? "replica" : server.role === "master" ? "primary" : server.role,
      replicas: server.replicas,
      durability: wantedReplicas > 0 ? "replicated" : "primary",
      evictionPolicy: server.evictionPolicy,
      appendOnly: server.isAppendOnly,
      appendFsync: server.isAppendOnly ? appendFsync : "none",
      usedMemoryBytes: server.usedMemoryBytes,
      maxMemoryBytes: server.maxMemoryBytes,
      upSeconds: server.upSeconds,
      clockDifferenceMs,
      timeAheadMs,
    },
    warnings: warningsOf(facts),
    ...(foreignKeys.length > 0 && { fault: faultOfForeign(foreignKeys, where) }),
  };
}

function faultOfForeign(keys: readonly string[], where: string): string {
  return `Redis at ${where} has keys in place of the queue's own that do not belong to it, ${listed(keys, MAX_NAMED)}: remove them, or choose another prefix.`;
}

function warningsOf(facts: ServerFacts): HealthWarning[] {
  const { server, appendFsync, clockDifferenceMs, timeAheadMs, wantedReplicas } = facts;
  const warnings: HealthWarning[] = [];
  const warn = (code: string, message: string, remedy: string) => warnings.push({ code, message, remedy });
  if (server.role === "slave") {
    warn("replica", "This Redis is a replica and accepts no writes.", "Connect to the primary.");
  }
  if (evicts(server)) {
    warn(
      "eviction",
      `Redis evicts keys when its memory is full (maxmemory-policy ${server.evictionPolicy}), ${server.evictionPolicy.startsWith("volatile-") ? "though no jobs, because theirs do not expire" : "including jobs"}.`,
      "Set maxmemory-policy noeviction.",
    );
  }
  if (!server.isAppendOnly) {
    warn(
      "appendonly_off",
      "Redis writes no append-only file: if it crashes, the jobs since its last snapshot are lost.",
      "Set appendonly yes.",
    );
  } else if (appendFsync === "no") {
    warn(
      "appendfsync_no",
      "Redis leaves it to the operating system when its append-only file reaches the disk: if the machine crashes, up to half a minute of jobs may be lost.",
      "Set appendfsync everysec or always.",
    );
  }
  if (server.isAppendOnlyFailing) {
    warn("appendonly_failing", "Redis could not write its append-only file.", "Check its disk and its log.");
  }
  if (server.isSnapshotFailing) {
    warn("snapshot_failing", "Redis could not save its last snapshot.", "Check its disk and its log.");
  }
  if (server.maxMemoryBytes > 0 && server.usedMemoryBytes > NEARLY_FULL * server.maxMemoryBytes) {
    const percent = Math.round((100 * server.usedMemoryBytes) / server.maxMemoryBytes);
    const isFull = server.usedMemoryBytes >= server.maxMemoryBytes;
    warn(
      "memory_nearly_full",
      `Redis uses ${percent} % of its maxmemory${isFull ? ", and accepts no new jobs" : "; once that is full, no jobs are accepted"}.`,
      "Raise maxmemory, remove finished jobs (rapidai prune), or lower the queue's retention.",
    );
  }
  if (server.replicas < wantedReplicas) {
    warn(
      "replicas_missing",
      `${server.replicas} of ${wantedReplicas} replicas are connected: jobs are stored, but enqueueing fails with not_replicated.`,
      "Bring the replicas back.",
    );
  }
  if (Math.abs(clockDifferenceMs) > CLOCK_DIFFERENCE_MS) {
    warn(
      "clock_difference",
      `The clocks of Redis and of this machine differ by ${Math.round(Math.abs(clockDifferenceMs) / 1_000)} s: jobs with a runAt start too early or too late by as much.`,
      "Synchronize both with NTP.",
    );
  }
  const why = "The clock of Redis was set back, or a server whose clock is behind took over";
  const ahead = timeAheadWarning(why, "the queue's time", timeAheadMs);
  if (ahead !== undefined) warnings.push(ahead);
  return warnings;
}
