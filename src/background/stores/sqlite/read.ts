import type { StatementSync } from "node:sqlite";
import { presenceOf } from "../../core/presence.ts";
import type { Census, JobRecord } from "../../core/store.ts";
import { fromJson, type JsonText } from "./json-text.ts";
import { RECORD, type RecordRow, recordOf } from "./rows.ts";
import type { Tables } from "./tables.ts";

/** Reads records and counts. */
export class Read {
  readonly #tables: Tables;
  readonly #get: StatementSync;
  readonly #hold: StatementSync;
  readonly #workers: StatementSync;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#get = tables.db.prepare(`SELECT ${RECORD} FROM rapidai_records WHERE id = ?`);
    this.#hold = tables.db.prepare("UPDATE rapidai_jobs SET held_until = max(held_until, ?) WHERE id = ?");
    this.#workers = tables.db.prepare(
      "SELECT json_quote(id) AS id, presence FROM rapidai_workers WHERE gone_at > ? ORDER BY rapidai_workers.id",
    );
  }

  get(ids: readonly string[], isDetailed: boolean): (JobRecord | null)[] {
    return ids.map((id) => {
      const record = this.#get.get(id)?.record as JsonText<RecordRow> | undefined;
      if (record === undefined) return null;
      return recordOf(fromJson(record), isDetailed, this.#tables.texts, this.#tables.journal);
    });
  }

  /** Has `prune` spare these jobs until then. */
  hold(ids: readonly string[], until: number): void {
    for (const id of ids) this.#hold.run(until, id);
  }

  count(now: number): Census {
    const workers = this.#workers
      .all(now)
      .map((row) => presenceOf(fromJson(row.id as JsonText<string>), JSON.parse(row.presence as string)));
    return { at: now, tasks: this.#tables.tally.read(), workers };
  }
}
