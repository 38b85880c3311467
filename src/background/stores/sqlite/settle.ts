import type { StatementSync } from "node:sqlite";
import { isDone } from "../../core/lifecycle.ts";
import type { Failure, SettleAnswer, Settlement } from "../../core/store.ts";
import type { Held } from "./attempts.ts";
import { fromJson, toJson } from "./json-text.ts";
import type { SignalBuffer } from "./signal-buffer.ts";
import { CODES } from "./statuses.ts";
import type { Tables } from "./tables.ts";
import { isLong } from "./texts.ts";

/** Ends attempts one by one. Guard: the token. */
export class Settle {
  readonly #tables: Tables;
  readonly #uncount: StatementSync;
  readonly #noteFailure: StatementSync;
  readonly #move: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#uncount = db.prepare("UPDATE rapidai_jobs SET attempts = attempts - 1 WHERE key = ?");
    this.#noteFailure = db.prepare(
      "UPDATE rapidai_jobs SET losses = losses + ?, has_past = max(has_past, ?) WHERE key = ?",
    );
    this.#move = db.prepare(
      "UPDATE rapidai_jobs SET status = ?, completed_at = ?, run_at = coalesce(?, run_at) WHERE key = ?",
    );
  }

  run(settlements: readonly Settlement[], now: number, signals: SignalBuffer): SettleAnswer[] {
    return settlements.map((settlement) => this.#one(settlement, now, signals));
  }

  #one(settlement: Settlement, now: number, signals: SignalBuffer): SettleAnswer {
    const { id, token, to, delayMs, isUncounted, isLoss, failure } = settlement;
    const { attempts } = this.#tables;
    const held = attempts.held(id, token);
    if (held === undefined) return this.#refused(settlement);
    const { key } = held;
    attempts.report(key, settlement.patch);
    if (isUncounted) this.#uncount.run(key);
    if (isLoss || failure !== null) this.#noteFailure.run(isLoss ? 1 : 0, failure === null ? 0 : 1, key);
    if (failure !== null) this.#remember(held, failure, now);
    if (to === "completed") this.#complete(held, settlement, now);
    else this.#end(held, to, to === "pending" && delayMs !== null ? now + delayMs : null, now);
    if (to === "pending") signals.ready(held.lane);
    else signals.finished(id);
    return "settled";
  }

  #remember({ key, attempts, worker, attempted_at }: Held, failure: Failure, now: number): void {
    const past = {
      ...failure,
      attempt: attempts,
      worker: fromJson(worker),
      startedAt: attempted_at,
      endedAt: now,
    };
    this.#tables.history.addPast(key, past);
  }

  #complete({ key, task }: Held, { token, result }: Settlement, now: number): void {
    const { texts, completions } = this.#tables;
    let inline = result?.toWellFormed() ?? null;
    if (inline !== null && isLong(inline, "result")) {
      texts.put(key, "result", inline);
      inline = null;
    }
    completions.add({ token, task, jobs: 1, results: toJson({ [key]: inline }) }, now);
  }

  #end({ key, task }: Held, to: "failed" | "pending", runAt: number | null, now: number): void {
    const { attempts, line, tally } = this.#tables;
    attempts.end(key, to);
    this.#move.run(CODES[to], isDone(to) ? now : null, runAt, key);
    if (to === "pending") line.add(key);
    tally.note(task, "running", -1);
    tally.note(task, to, 1);
  }

  #refused({ id, token, to }: Settlement): SettleAnswer {
    const ended = this.#tables.attempts.endOf(id, token);
    if (ended === "cancelled") return "cancelled";
    return ended === to ? "settled" : "lost";
  }
}
