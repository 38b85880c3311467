import type { StatementSync } from "node:sqlite";
import { isDone } from "../../core/lifecycle.ts";
import type { SettleAnswer, Settlement } from "../../core/store.ts";
import type { Held } from "./handed-out.ts";
import { textOf } from "./heartbeat.ts";
import { CODES, statusOf } from "./statuses.ts";
import type { Tables } from "./tables.ts";
import type { Told } from "./told.ts";

/** Ends attempts. Guard: running, under this token. */
export class Settle {
  readonly #tables: Tables;
  readonly #held: StatementSync;
  readonly #settle: StatementSync;
  readonly #ended: StatementSync;

  constructor(tables: Tables) {
    this.#tables = tables;
    // A row that an update returns costs twice what reading it first does.
    this.#held = tables.db.prepare(
      "SELECT token, key, task, lane, attempts, worker, attempted_at FROM rapidai_jobs WHERE id = ? AND status = 1 AND token = ?",
    );
    this.#settle = tables.db.prepare(
      `UPDATE rapidai_jobs SET status = ?1, result = ?2, completed_at = ?3, run_at = coalesce(?4, run_at),
       attempts = attempts - ?5, losses = losses + ?6, ended_token = token, ended_as = ?1, token = NULL,
       progress = coalesce(?7, progress), usage = coalesce(?8, usage), has_logs = max(has_logs, ?9),
       has_past = max(has_past, ?10) WHERE key = ?11 AND status = 1 AND token = ?12`,
    );
    this.#ended = tables.db.prepare("SELECT ended_as FROM rapidai_jobs WHERE id = ? AND ended_token = ?");
  }

  run(settlements: readonly Settlement[], now: number, told: Told): SettleAnswer[] {
    return settlements.map((settlement) => this.#one(settlement, now, told));
  }

  #one(settlement: Settlement, now: number, told: Told): SettleAnswer {
    const { id, token, to, delayMs, isUncounted, isLoss, failure } = settlement;
    const { texts, journal, tally, handedOut } = this.#tables;
    const row = handedOut.take(id, token) ?? (this.#held.get(id, token) as unknown as Held | undefined);
    if (row === undefined) return this.#refused(settlement);
    const { progress, usage, logs } = textOf(settlement.patch);
    const result = to === "completed" ? settlement.result : null;
    const isLong = texts.isLong(result);
    const { changes } = this.#settle.run(
      CODES[to],
      isLong ? null : result,
      isDone(to) ? now : null,
      to === "pending" && delayMs !== null ? now + delayMs : null,
      isUncounted ? 1 : 0,
      isLoss ? 1 : 0,
      progress,
      usage,
      logs.length > 0 ? 1 : 0,
      failure === null ? 0 : 1,
      row.key,
      token,
    );
    if (changes === 0) return this.#refused(settlement);
    if (isLong) texts.put(row.key, "result", result);
    if (logs.length > 0) journal.addLines(row.key, logs);
    if (failure !== null) {
      const { name, message, stack } = failure;
      journal.addPast(row.key, {
        name,
        message,
        stack,
        attempt: row.attempts,
        worker: row.worker,
        startedAt: row.attempted_at,
        endedAt: now,
      });
    }
    tally.note(row.task, "running", -1);
    tally.note(row.task, to, 1);
    if (to === "pending") told.ready(row.lane);
    else told.finished(id);
    return "settled";
  }

  #refused({ id, token, to }: Settlement): SettleAnswer {
    const ended = this.#ended.get(id, token);
    if (ended === undefined) return "lost";
    const as = statusOf(ended.ended_as as number);
    if (as === "cancelled") return "cancelled";
    return as === to ? "settled" : "lost";
  }
}
