import type { Clock } from "../core/clock.ts";
import { type Duration, toMs } from "../core/duration.ts";
import { JobError } from "../core/errors.ts";
import { DEFAULT_LIMITS, type ValueLimits } from "../core/limits.ts";
import { checkOptions, flag, wholeNumber } from "../core/options.ts";
import type { Retention } from "../core/store.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { systemClock } from "./system-clock.ts";

/** How long and how many finished jobs are kept. Failed and cancelled ones are counted apart from completed ones. */
export interface RetentionOptions {
  /** How long a job is kept after it finished; default `"7d"`. */
  readonly age?: Duration | undefined;
  /** How many of each kind are kept, the newest; default 100,000, in memory 10,000. */
  readonly count?: number | undefined;
}

/** Settings of every queue. */
export interface QueueOptions {
  /** Jobs that this process runs at a time; default 10. */
  readonly concurrency?: number | undefined;
  /** Whether this process runs jobs; default true. With `false` it only enqueues and reads. */
  readonly worker?: boolean | undefined;
  /** How long a job stays with a worker that no longer renews its lease; default `"30s"`, at least `"100ms"`. */
  readonly lease?: Duration | undefined;
  /** What is kept of finished jobs; `false` keeps all of them forever. */
  readonly retention?: RetentionOptions | false | undefined;
  /** Largest payload and result in bytes; default 1 MiB each. */
  readonly limits?: { readonly payload?: number | undefined; readonly result?: number | undefined } | undefined;
  /** Gets messages for an operator that belong to no call; default none. `console` and pino fit. */
  readonly logger?: Logger | undefined;
  /** How long `close` waits for running jobs, and how long a cancelled job's handler keeps its slot; default `"10s"`. */
  readonly grace?: Duration | undefined;
  /** The source of time; default the system's clock. Tests pass a `ManualClock`. */
  readonly clock?: Clock | undefined;
}

/** Options with all defaults filled in. */
export interface QueueSettings {
  readonly concurrency: number;
  readonly isWorker: boolean;
  readonly leaseMs: number;
  readonly retention: Retention;
  readonly limits: ValueLimits;
  readonly logger: Logger;
  readonly graceMs: number;
  readonly clock: Clock;
}

/** The names of {@link QueueOptions}. */
export const QUEUE_OPTIONS: readonly string[] = [
  "concurrency",
  "worker",
  "lease",
  "retention",
  "limits",
  "logger",
  "grace",
  "clock",
];

const MIN_LEASE_MS = 100;
/** How many finished jobs are kept of each kind, on durable queues. */
export const DEFAULT_KEPT = 100_000;

/**
 * Checks options and fills in defaults.
 *
 * @throws JobError `invalid_option`; `backend_unavailable` on a Node.js that is too old
 */
export function queueSettings(options: QueueOptions, keptByDefault: number = DEFAULT_KEPT): QueueSettings {
  if (typeof Promise.withResolvers !== "function") {
    const what = `rapidai needs Node.js 22.18 or newer, but this is ${process.version}: update Node.js.`;
    throw new JobError("backend_unavailable", what);
  }
  const { concurrency = 10, worker = true, lease = "30s", limits = {}, logger = silentLogger, grace = "10s" } = options;
  const { clock = systemClock, retention = {} } = options;
  const leaseMs = toMs(lease, "queue's lease");
  if (leaseMs < MIN_LEASE_MS) {
    throw new JobError(
      "invalid_option",
      `The queue's lease must be at least ${MIN_LEASE_MS} ms, preferably many seconds, not ${leaseMs} ms.`,
    );
  }
  for (const level of ["debug", "info", "warn", "error"] as const) {
    if (typeof logger?.[level] !== "function")
      throw new JobError("invalid_option", `The queue's logger has no method ${level}().`);
  }
  for (const method of ["now", "after", "join"] as const) {
    if (typeof clock?.[method] !== "function")
      throw new JobError("invalid_option", `The queue's clock has no method ${method}().`);
  }
  return {
    concurrency: wholeNumber(concurrency, 1, "queue's concurrency", 100_000),
    isWorker: flag(worker, "queue's worker option"),
    leaseMs,
    retention: retentionOf(retention, keptByDefault),
    limits: limitsOf(limits),
    logger,
    graceMs: toMs(grace, "queue's grace"),
    clock,
  };
}

function retentionOf(retention: RetentionOptions | false, keptByDefault: number): Retention {
  if (retention === false) return { ageMs: null, count: null };
  checkOptions(retention, ["age", "count"], "retention options of the queue");
  const { age = "7d", count = keptByDefault } = retention;
  return { ageMs: toMs(age, "queue's retention.age"), count: wholeNumber(count, 0, "queue's retention.count") };
}

function limitsOf(limits: NonNullable<QueueOptions["limits"]>): ValueLimits {
  checkOptions(limits, ["payload", "result"], "limits of the queue");
  const { payload = DEFAULT_LIMITS.payload, result = DEFAULT_LIMITS.result } = limits;
  return {
    payload: wholeNumber(payload, 1, "queue's limits.payload"),
    result: wholeNumber(result, 1, "queue's limits.result"),
  };
}
