import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Signal } from "../../core/store.ts";
import { TIME_LIMIT } from "./numbers.ts";
import { CODES } from "./statuses.ts";

/**
 * How often to check whether another connection has committed. Jobs of other processes should begin within 50 ms; a check
 * takes only a few microseconds, but waking a thread for it may take 200.
 */
const POLL_EVERY_MS = 35;
/** Most finished jobs that one signal names; waits for others are resolved by polling. */
const MAX_IDS = 1_000;
/** How far to look back, since commits may be a little out of the order of their times. */
const OVERLAP_MS = 100;
/**
 * The most that they may be out of order: a call may wait two seconds for a locked file, after others that did too.
 * Cancels are looked for this far back, as a handler would otherwise learn of them only with the next heartbeat.
 */
const CANCELLED_OVERLAP_MS = 5_000;
/** The latest valid end of a job: noting a later one, of a damaged row, would suppress all further signals. */
const MAX_ENDED_AT = TIME_LIMIT - 1;

/** Signals what other connections to the file did, found from the jobs alone: nothing is written for signals. */
export class Watcher {
  readonly #kinds = new Set<Signal["kind"]>();
  readonly #send: (signal: Signal) => void;
  readonly #version: StatementSync;
  readonly #nextLane: StatementSync;
  readonly #completed: StatementSync;
  readonly #failed: StatementSync;
  #lastVersion: unknown;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(db: DatabaseSync, send: (signal: Signal) => void) {
    this.#send = send;
    this.#version = db.prepare("PRAGMA data_version");
    this.#nextLane = db.prepare("SELECT lane FROM rapidai_due WHERE lane > ? ORDER BY lane LIMIT 1");
    this.#completed = db.prepare(
      `SELECT job.id, 2 AS status, completions.completed_at FROM rapidai_completions AS completions
       CROSS JOIN json_each(completions.jobs) AS done CROSS JOIN rapidai_jobs AS job ON job.key = done.value
       WHERE completions.completed_at BETWEEN ? AND ${MAX_ENDED_AT} ORDER BY completions.completed_at DESC LIMIT ${MAX_IDS}`,
    );
    this.#failed = db.prepare(
      `SELECT id, status, completed_at FROM rapidai_jobs WHERE status > 2 AND completed_at BETWEEN ? AND ${MAX_ENDED_AT}
       ORDER BY completed_at DESC LIMIT ${MAX_IDS}`,
    );
    this.#lastVersion = this.#versionNow();
  }

  /** Adds a kind of signal to send from now on. */
  watch(kind: Signal["kind"], now: number): void {
    this.#kinds.add(kind);
    this.#since = Math.max(this.#since, now);
    this.#timer ??= this.#pollIn(POLL_EVERY_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#kinds.clear();
  }

  #poll(): void {
    const startedAt = performance.now();
    try {
      const version = this.#versionNow();
      if (version !== this.#lastVersion) {
        this.#lastVersion = version;
        this.#signalAll();
      }
    } catch {
      // Calls will report that the file cannot be read; signals are only hints.
    }
    // However much there is to signal, most of the time is left for other work.
    const tookMs = performance.now() - startedAt;
    this.#timer = this.#pollIn(Math.max(POLL_EVERY_MS, 10 * tookMs));
  }

  /** Unreferenced, since without a thread of its own this runs on the program's event loop. */
  #pollIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#poll(), ms).unref();
  }

  #signalAll(): void {
    if (this.#kinds.has("ready")) {
      const lanes = this.#waitingLanes();
      if (lanes.length > 0) this.#send({ kind: "ready", lanes });
    }
    if (!this.#kinds.has("finished") && !this.#kinds.has("cancelled")) return;
    const from = this.#since - OVERLAP_MS;
    const failed = this.#failed.all(this.#since - CANCELLED_OVERLAP_MS) as unknown as Ended[];
    const completed = this.#kinds.has("finished") ? (this.#completed.all(from) as unknown as Ended[]) : [];
    const ended = [...failed.filter(({ completed_at }) => completed_at >= from), ...completed];
    for (const { completed_at } of ended) this.#since = Math.max(this.#since, completed_at);
    this.#signalIds(
      "cancelled",
      failed.filter(({ status }) => status === CODES.cancelled),
    );
    this.#signalIds("finished", ended);
  }

  #signalIds(kind: "cancelled" | "finished", jobs: readonly Ended[]): void {
    if (this.#kinds.has(kind) && jobs.length > 0) this.#send({ kind, ids: jobs.map(({ id }) => id) });
  }

  /** One index step per lane, however many jobs wait in it. */
  #waitingLanes(): string[] {
    const lanes: string[] = [];
    for (let next = this.#nextLane.get(""); next !== undefined; next = this.#nextLane.get(next.lane as string)) {
      lanes.push(next.lane as string);
    }
    return lanes;
  }

  #versionNow(): unknown {
    return this.#version.get()?.data_version;
  }
}

interface Ended {
  readonly id: string;
  readonly status: number;
  readonly completed_at: number;
}
