import type { StatementSync } from "node:sqlite";
import { CallBudget } from "../../core/call-budget.ts";
import { parsed } from "../../core/parsed.ts";
import { presenceOf } from "../../core/presence.ts";
import type { Census, JobRecord, Wanted } from "../../core/store.ts";
import { fromJson, type JsonText, toJson } from "./json-text.ts";
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

  /** The records of the first of these ids, as many as fit one call. */
  records(ids: readonly string[], wanted: Wanted): JsonText<JobRecord | null>[] {
    const budget = new CallBudget();
    const texts: JsonText<JobRecord | null>[] = [];
    for (const id of ids) {
      const text = toJson(this.#recordOf(id, wanted));
      if (!budget.take(text.length)) break;
      texts.push(text);
    }
    return texts;
  }

  #recordOf(id: string, wanted: Wanted): JobRecord | null {
    const record = this.#get.get(id)?.record as JsonText<RecordRow> | undefined;
    if (record === undefined) return null;
    return recordOf(fromJson(record), wanted, this.#tables.texts, this.#tables.history);
  }

  /** Makes `prune` spare these jobs until then. */
  hold(ids: readonly string[], until: number): void {
    for (const id of ids) this.#hold.run(until, id);
  }

  count(now: number): Census {
    const workers = this.#workers
      .all(now)
      .map((row) => presenceOf(fromJson(row.id as JsonText<string>), parsed(row.presence as string)));
    return { at: now, tasks: this.#tables.tally.read(), workers };
  }
}
