import type { StatementSync } from "node:sqlite";
import type { Beat, HeartbeatRequest, HeldAnswer, Patch } from "../../core/store.ts";
import { CODES } from "./statuses.ts";
import type { Tables } from "./tables.ts";

/** Renews leases and writes down reports. Guard: running, under this token. */
export class Heartbeat {
  readonly #tables: Tables;
  readonly #renew: StatementSync;
  readonly #report: StatementSync;
  readonly #ended: StatementSync;
  readonly #here: StatementSync;
  readonly #gone: StatementSync;
  readonly #forget: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#renew = db.prepare("UPDATE rapidai_jobs SET lease_ends_at = ? WHERE id = ? AND status = 1 AND token = ?");
    this.#report = db.prepare(
      `UPDATE rapidai_jobs SET lease_ends_at = ?, progress = coalesce(?, progress), usage = coalesce(?, usage),
       has_logs = max(has_logs, ?) WHERE id = ? AND status = 1 AND token = ? RETURNING key`,
    );
    this.#ended = db.prepare("SELECT 1 FROM rapidai_jobs WHERE id = ? AND ended_token = ? AND ended_as = ?");
    this.#here = db.prepare(
      "INSERT INTO rapidai_workers (id, presence, gone_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET presence = excluded.presence, gone_at = excluded.gone_at",
    );
    this.#gone = db.prepare("DELETE FROM rapidai_workers WHERE id = ?");
    this.#forget = db.prepare("DELETE FROM rapidai_workers WHERE gone_at <= ?");
  }

  run({ worker, presenceMs, leaseMs, beats }: HeartbeatRequest, now: number): HeldAnswer[] {
    if (presenceMs > 0) this.#here.run(worker.id, JSON.stringify(worker), now + presenceMs);
    else this.#gone.run(worker.id);
    this.#forget.run(now);
    return beats.map((beat): HeldAnswer => {
      if (this.#beat(beat, now + leaseMs)) return "held";
      return this.#ended.get(beat.id, beat.token, CODES.cancelled) === undefined ? "lost" : "cancelled";
    });
  }

  #beat({ id, token, patch }: Beat, endsAt: number): boolean {
    if (patch === null) return this.#renew.run(endsAt, id, token).changes === 1;
    const { progress, usage, logs } = textOf(patch);
    const row = this.#report.get(endsAt, progress, usage, logs.length > 0 ? 1 : 0, id, token);
    if (row === undefined) return false;
    if (logs.length > 0) this.#tables.journal.addLines(row.key as number, logs);
    return true;
  }
}

/** A patch as it is written. */
export function textOf(patch: Patch | null): {
  readonly progress: string | null;
  readonly usage: string | null;
  readonly logs: readonly string[];
} {
  const text = (part: unknown) => (part === null || part === undefined ? null : JSON.stringify(part));
  return { progress: text(patch?.progress), usage: text(patch?.usage), logs: patch?.logs ?? [] };
}
