import type { StatementSync } from "node:sqlite";
import type { Beat, HeartbeatRequest, HeldAnswer } from "../../core/store.ts";
import type { Tables } from "./tables.ts";

/** Renews leases and stores reports. Guard: running, under this token. */
export class Heartbeat {
  readonly #tables: Tables;
  readonly #renew: StatementSync;
  readonly #upsertWorker: StatementSync;
  readonly #removeWorker: StatementSync;
  readonly #removeExpired: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#renew = db.prepare(
      "UPDATE rapidai_running SET lease_ends_at = ? WHERE key = (SELECT key FROM rapidai_jobs WHERE id = ?) AND token = ? RETURNING key",
    );
    this.#upsertWorker = db.prepare(
      "INSERT INTO rapidai_workers (id, presence, gone_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET presence = excluded.presence, gone_at = excluded.gone_at",
    );
    this.#removeWorker = db.prepare("DELETE FROM rapidai_workers WHERE id = ?");
    this.#removeExpired = db.prepare("DELETE FROM rapidai_workers WHERE gone_at <= ?");
  }

  run({ worker, presenceMs, leaseMs, beats }: HeartbeatRequest, now: number): HeldAnswer[] {
    if (presenceMs > 0) this.#upsertWorker.run(worker.id, JSON.stringify(worker), now + presenceMs);
    else this.#removeWorker.run(worker.id);
    this.#removeExpired.run(now);
    const endsAt = now + leaseMs;
    if (beats.length > 0) this.#tables.leases.endAt(endsAt);
    return beats.map((beat): HeldAnswer => {
      if (this.#beat(beat, endsAt)) return "held";
      return this.#tables.attempts.endOf(beat.id, beat.token) === "cancelled" ? "cancelled" : "lost";
    });
  }

  #beat({ id, token, patch }: Beat, endsAt: number): boolean {
    const renewed = this.#renew.get(endsAt, id, token);
    if (renewed === undefined) return false;
    this.#tables.attempts.report(renewed.key as number, patch);
    return true;
  }
}
